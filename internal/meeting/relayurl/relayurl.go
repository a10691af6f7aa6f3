// Package relayurl reads URLs of pairing relays, for those who use them and for those who only check what a person gave.
package relayurl

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// maxURL is far more than any relay's URL needs, in bytes.
const maxURL = 1024

// Parse reads the URL of a relay as a person would give it: https, http, wss or ws, with or without a path
// in front of the relay's own, or only a host with or without a port. Without a scheme it is http for localhost
// and for an IP address, to which nobody issues certificates, and https for a name. The result has scheme http
// or https and a path without a slash at its end. Space around it is ignored. The error names the URL, unless there is a
// password in it.
func Parse(s string) (*url.URL, error) {
	u, err := parse(strings.TrimSpace(s))
	switch {
	case err != nil && strings.Contains(s, "@"):
		return nil, fmt.Errorf("relay URL: %w", err)
	case err != nil:
		shown := s
		if len(shown) > 100 {
			shown = shown[:100] + "…"
		}
		return nil, fmt.Errorf("relay URL %q: %w", shown, err)
	}
	return u, nil
}

func parse(s string) (*url.URL, error) {
	switch {
	case s == "":
		return nil, errors.New("it is empty; it looks like https://relay.example.org")
	case len(s) > maxURL:
		return nil, fmt.Errorf("it is longer than %d bytes", maxURL)
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
	if !IsHostName(u.Hostname()) && !isIP(u.Hostname()) {
		return nil, errors.New("its host has a character that no host name has")
	}
	if guess && (isIP(u.Hostname()) || strings.EqualFold(u.Hostname(), "localhost")) {
		u.Scheme = "http"
	}
	if u.RawPath != "" || !only(pathChars, u.Path) {
		return nil, errors.New("its path may have only letters, digits, and any of / - . _ ~")
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimSuffix(path.Clean("/"+u.Path), "/")
	return u, nil
}

// Characters that never need an escape (RFC 3986, 2.3), so that what they make is written in one way only.
const (
	hostChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	pathChars = hostChars + "~/"
)

// IsHostName reports whether host has only characters that names of hosts have.
func IsHostName(host string) bool { return only(hostChars, host) }

func only(chars, s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(chars, r) })
}

func isIP(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && only(hostChars, addr.Zone())
}
