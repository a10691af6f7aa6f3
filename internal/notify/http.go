package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const (
	openclaw = api.NotifyOpenClaw

	// httpPatience bounds one attempt. A gateway that is busy answers after 15 s.
	httpPatience = 30 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 64 << 10
	// maxSaid bounds what of it is shown.
	maxSaid = 200
)

// sender makes attempts. send returns when ctx is done.
type sender interface {
	send(ctx context.Context, key string, body []byte) answer
	close()
}

// post sends by HTTP.
type post struct {
	kind   string
	url    string
	agent  string // User-Agent
	sign   func(h http.Header, key string, body []byte, now time.Time)
	client *http.Client
}

func newPost(kind, url, agent string, sign func(http.Header, string, []byte, time.Time)) *post {
	transport := &http.Transport{
		Proxy:                  nil, // a proxy would see the token
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // else 64 KiB could become many
		MaxConnsPerHost:        1,
		MaxIdleConns:           1,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxAnswer,
	}
	return &post{kind: kind, url: url, agent: agent, sign: sign, client: &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
}

func (p *post) close() { p.client.CloseIdleConnections() }

func (p *post) send(ctx context.Context, key string, body []byte) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, httpPatience, errNoAnswer)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return answer{verdict: pause, text: "the URL cannot be used"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", p.agent)
	req.Header.Set("Idempotency-Key", key)
	p.sign(req.Header, key, body, time.Now())
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{verdict: retry, text: why(ctx, err)}
	}
	defer resp.Body.Close()
	// A whole answer frees the connection for the next one; what is longer, or
	// does not end, costs the connection.
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	verdict := judge(resp.StatusCode)
	if verdict == accepted {
		// Only a web page is surely not the hook; a cut connection comes after the
		// other side has decided.
		if err == nil && p.kind == openclaw && isPage(resp.Header, said) {
			return answer{verdict: pause, text: "it answered with a web page: this is not the URL of OpenClaw's hook"}
		}
		return answer{verdict: accepted, text: resp.Status}
	}
	return answer{verdict, reasonOf(p.kind, resp, excerpt(resp.Header, said)), retryAfter(resp.Header, time.Now())}
}

var errNoAnswer = errors.New("it does not answer")

// why says what went wrong, without the URL, which may hold a secret.
func why(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return "it cannot be reached: " + harmless(shorten(err.Error()))
}

func isPage(h http.Header, body []byte) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	start := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	return kind == "text/html" || kind == "application/xhtml+xml" || bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// excerpt is the beginning of an answer, for people.
func excerpt(h http.Header, body []byte) string {
	if isPage(h, body) {
		return "a web page"
	}
	return brief(string(body))
}

// brief is the beginning of foreign text, on one line.
func brief(text string) string {
	text = strings.Join(strings.Fields(text[:min(len(text), maxSaid)]), " ")
	if text = harmless(text); len(text) > 2*maxSaid {
		text = text[:2*maxSaid] // what is harmless and that much longer is mostly escapes
	}
	return strings.ToValidUTF8(text, "")
}

// bearer is how OpenClaw knows who may wake it.
func bearer(token string) func(http.Header, string, []byte, time.Time) {
	return func(h http.Header, _ string, _ []byte, _ time.Time) { h.Set("Authorization", "Bearer "+token) }
}
