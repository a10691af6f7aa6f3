package relay

import (
	"errors"
	"net/http"
	"strings"
)

// labelLen is the length of a label: hex of a SHA-256.
const labelLen = 64

// role is which side of a meeting a client is.
type role string

const (
	roleHost  role = "host"
	roleGuest role = "guest"
)

// A refusal is an answer other than the upgrade: a status, and a sentence for whoever reads it.
type refusal struct {
	status int
	reason string
	retry  int // seconds, for Retry-After; 0 for none
}

// parseMeet checks everything about a request for a meeting that can be checked without knowing any others.
func parseMeet(label string, r *http.Request) (role, *refusal) {
	if r.Method != http.MethodGet {
		return "", &refusal{status: http.StatusMethodNotAllowed, reason: "only GET is possible here"}
	}
	if !validLabel(label) {
		return "", &refusal{status: http.StatusBadRequest, reason: "the label must be 64 lower-case hexadecimal digits"}
	}
	as, err := parseRole(r.URL.RawQuery)
	if err != nil {
		return "", &refusal{status: http.StatusBadRequest, reason: err.Error()}
	}
	if r.ContentLength != 0 {
		return "", &refusal{status: http.StatusRequestEntityTooLarge, reason: "the request must not have a body"}
	}
	if !hasToken(r.Header, "Connection", "upgrade") || !hasToken(r.Header, "Upgrade", "websocket") {
		return "", &refusal{status: http.StatusUpgradeRequired, reason: "this is a WebSocket endpoint for botsync"}
	}
	return as, nil
}

// parseRole reads a query string that must be exactly as=host or as=guest: what is refused today can be
// given a meaning tomorrow.
func parseRole(query string) (role, error) {
	value, ok := strings.CutPrefix(query, "as=")
	if as := role(value); ok && (as == roleHost || as == roleGuest) {
		return as, nil
	}
	return "", errors.New("the query must be as=host or as=guest")
}

func validLabel(s string) bool {
	if len(s) != labelLen {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// hasToken reports whether a header that is a comma-separated list holds token, in any case (RFC 9110, 5.6.1).
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
