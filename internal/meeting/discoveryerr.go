package meeting

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

var errOtherCertificate = errors.New("its certificate is not the one in the id of its URL")

// explainDiscovery says what went wrong with a request to a discovery server, for a person who may not know that there
// is one.
func explainDiscovery(err error, now time.Time) error {
	var (
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		notTLS  tls.RecordHeaderError
		text    = err.Error()
	)
	switch {
	case errors.Is(err, errOtherCertificate):
		return permanent("%v", errOtherCertificate)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return explainClock(invalid.Cert, now)
	case errors.As(err, &unknown):
		return permanent("its certificate is not signed by anybody that this machine trusts; its URL may lack its id, or somebody is in between")
	case errors.As(err, &host):
		return permanent("its certificate is for another name")
	case errors.As(err, &invalid):
		return permanent("its certificate cannot be trusted: %v", invalid)
	case errors.As(err, &notTLS), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return permanent("does not speak TLS")
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "malformed MIME"),
		strings.Contains(text, "invalid header"), strings.Contains(text, "exceeded") && !errors.Is(err, context.DeadlineExceeded):
		return permanent("answered with something that is not HTTP, is this really a discovery server?")
	}
	return explain(err, nil)
}

// explainClock is for a certificate whose time is not now: more often than not it is now that is wrong.
func explainClock(cert *x509.Certificate, now time.Time) error {
	clock := now.UTC().Format(time.RFC3339)
	if cert != nil && now.Before(cert.NotBefore) {
		return permanent("its certificate is not valid yet: is the clock of this machine right? It says %s", clock)
	}
	return permanent("its certificate has expired: is the clock of this machine right? It says %s", clock)
}

// explainAnswer explains an answer that is none to the question, and takes note of the wish to be left alone.
func (s *discoveryServer) explainAnswer(resp *http.Response) error {
	status := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	wait := seconds(resp.Header.Get("Retry-After"))
	var err error
	switch code := resp.StatusCode; {
	case isWebPage(resp):
		err = permanent("answered with a web page (%s): is there a login page in the way?", status)
	case code >= 300 && code < 400:
		err = permanent("answered with a redirect to %s, which is not followed", clean(resp.Header.Get("Location")))
	case code == http.StatusTooManyRequests:
		err = &relayError{"is busy: " + status, errAnswered}
		wait = max(wait, 5*time.Second)
	case code >= 500:
		err = &relayError{"has a problem: " + status, errAnswered}
		wait = max(wait, 2*time.Second)
	case code == http.StatusProxyAuthRequired:
		err = permanent("the HTTP proxy in front of it wants a login")
	default:
		err = permanent("refused the request: %s", status)
	}
	if wait == 0 {
		return err
	}
	if wait >= 10*time.Second {
		err = fmt.Errorf("%w, and wants to be asked again in %v", err, wait)
	}
	s.hush(resp.Request.Method, wait, err)
	return &retryAfterError{err, wait}
}

func isWebPage(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "text/html"
}

// A problemList is several problems that are told in one line.
type problemList []error

func (l problemList) Error() string {
	var texts []string
	for _, err := range l {
		texts = append(texts, err.Error())
	}
	return strings.Join(texts, "; ")
}

func (l problemList) Unwrap() []error { return l }

// joinProblems returns all errors that are not nil as one.
func joinProblems(errs ...error) error {
	var l problemList
	for _, err := range errs {
		if err != nil {
			l = append(l, err)
		}
	}
	switch len(l) {
	case 0:
		return nil
	case 1:
		return l[0]
	}
	return l
}
