package meeting

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxRelayURL is far more than any relay's URL needs, in bytes.
const maxRelayURL = 1024

// ParseRelayURL reads the URL of a relay as a person would give it: https, http, wss or ws, with or without a path
// in front of the relay's own, or only a host with or without a port. Without a scheme it is http for localhost
// and for an IP address, to which nobody issues certificates, and https for a name. The result has scheme http
// or https and a path without a slash at its end.
func ParseRelayURL(s string) (*url.URL, error) {
	u, err := parseRelayURL(strings.TrimSpace(s))
	if err != nil {
		shown := s
		if len(shown) > 100 {
			shown = shown[:100] + "…"
		}
		return nil, fmt.Errorf("relay URL %q: %w", shown, err)
	}
	return u, nil
}

func parseRelayURL(s string) (*url.URL, error) {
	switch {
	case s == "":
		return nil, errors.New("it is empty; it looks like https://relay.example.org")
	case len(s) > maxRelayURL:
		return nil, fmt.Errorf("it is longer than %d bytes", maxRelayURL)
	}
	guess := !strings.Contains(s, "://")
	if guess {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // the rest repeats the URL
		}
		return nil, err
	}
	switch u.Scheme {
	case "https", "http":
	case "wss":
		u.Scheme = "https"
	case "ws":
		u.Scheme = "http"
	default:
		return nil, fmt.Errorf("its scheme is %s; use https or http", u.Scheme)
	}
	switch {
	case u.Hostname() == "":
		return nil, errors.New("it names no host; it looks like https://relay.example.org")
	case u.User != nil:
		return nil, errors.New("it must not have a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return nil, errors.New("it must not have a query or a fragment")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("the port is missing after the colon")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("there is no port %s", port)
		}
	}
	if strings.ContainsAny(u.Hostname(), " \t\r\n\"<>\\^`{|}") {
		return nil, errors.New("its host has a character that no host name has")
	}
	if guess && isLocalName(u.Hostname()) {
		u.Scheme = "http"
	}
	u.Host = strings.ToLower(u.Host)
	u = u.JoinPath() // removes . and .. and double slashes
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

func isLocalName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost") || net.ParseIP(host) != nil
}
