package meeting

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a failed request to a relay means for what to do next. An error without one of these is worth a retry.
var (
	errAnswered    = errors.New("the relay answered")
	errNobodyThere = fmt.Errorf("%w: no host is waiting", errAnswered)
	errPermanent   = fmt.Errorf("%w: not a relay that can be used", errAnswered)
)

// relayHeader is on every answer of a real relay; see relay.Header.
const relayHeader = "Botsync-Relay"

// A relayError is a reason in words, together with what it means.
type relayError struct {
	reason string
	class  error // one of the above, or nil
}

func (e *relayError) Error() string { return e.reason }
func (e *relayError) Unwrap() error { return e.class }

func permanent(format string, args ...any) error {
	return &relayError{fmt.Sprintf(format, args...), errPermanent}
}

// explain says what went wrong with a request to a relay, for a person who has only its URL at hand.
func explain(err error, resp *http.Response) error {
	if to, ok := errors.AsType[*redirectError](err); ok {
		return permanent("answered with a redirect to another host (%s), which is not followed", clean(to.to))
	}
	if resp != nil {
		return explainAnswer(resp)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return permanent("does not speak TLS; does its URL begin with http:// instead of https://?")
	}
	if ce, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return permanent("has a certificate that cannot be trusted: %v", ce.Err)
	}
	if ue, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return permanent("has a certificate that cannot be trusted: %v", ue)
	}
	if de, ok := errors.AsType[*net.DNSError](err); ok {
		if de.IsNotFound {
			return fmt.Errorf("there is no host %s", de.Name)
		}
		return fmt.Errorf("the name %s cannot be looked up now", de.Name)
	}
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		if oe.Timeout() {
			return errors.New("did not answer in time")
		}
		if oe.Op == "proxyconnect" {
			return fmt.Errorf("the HTTP proxy in front of it cannot be reached: %w", innermost(oe))
		}
		return fmt.Errorf("cannot be reached: %w", innermost(oe))
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return errors.New("did not answer in time")
	}
	if text := err.Error(); strings.Contains(text, "malformed HTTP") || strings.Contains(text, "invalid header") ||
		strings.Contains(text, "malformed MIME") || strings.Contains(text, "exceeded") {
		return permanent("answered with something that is not HTTP, is this really a botsync relay?")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("closed the connection instead of answering")
	}
	return innermost(err)
}

// explainAnswer explains an HTTP answer that is not the upgrade.
func explainAnswer(resp *http.Response) error {
	status := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	ours := resp.Header.Get(relayHeader) != ""
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch code := resp.StatusCode; {
	case code == http.StatusSwitchingProtocols:
		return permanent("answered with a wrong WebSocket upgrade, is this really a botsync relay?")
	case ours && (code == http.StatusNotFound || code == http.StatusGone):
		return errNobodyThere
	case ours && code == http.StatusConflict:
		return &relayError{"another host is waiting under this code, perhaps a connection of our own that was lost", errAnswered}
	case code == http.StatusTooManyRequests:
		return &retryAfterError{&relayError{"is busy: " + status, errAnswered}, retryAfter(resp.Header)}
	case code >= 500:
		return &retryAfterError{&relayError{"has a problem: " + status, nil}, retryAfter(resp.Header)}
	case kind == "text/html" || code < 300:
		what := "something else"
		if kind == "text/html" {
			what = "a web page"
		}
		if kind != "" {
			status += ", " + clean(kind)
		}
		return permanent("answered with %s (%s), is this really a botsync relay?", what, status)
	case code == http.StatusProxyAuthRequired || code == http.StatusUnauthorized:
		return permanent("wants a login (%s), which botsync does not have", status)
	case ours:
		return permanent("refused the request: %s", status)
	default:
		return permanent("answered %s, is this really a botsync relay?", status)
	}
}

// retryAfter reads a Retry-After header in seconds, the form that a relay sends, and never believes more than
// a minute.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
}

// innermost unwraps the wrappings of the libraries, which repeat the URL and their own names.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// clean makes something that a stranger sent fit to be printed.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}
