package meeting

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

// Relay is the way through a pairing relay, which both sides can reach: a WebSocket each, which it joins.
type Relay struct {
	raw     string
	url     *url.URL
	problem error // why there is no url
}

// NewRelay returns the way through the relay at a URL, which is read by ParseRelayURL. A malformed one makes a way
// that cannot be used and says why, so that pairing can go on by others.
func NewRelay(rawURL string) *Relay {
	u, err := ParseRelayURL(rawURL)
	return &Relay{raw: rawURL, url: u, problem: err}
}

// Name is "relay".
func (*Relay) Name() string { return "relay" }

// Target is the relay's URL.
func (r *Relay) Target() string {
	if r.url == nil {
		return r.raw
	}
	return r.url.String()
}

const (
	// connectRelayTimeout bounds everything until the relay has answered the request.
	connectRelayTimeout = 15 * time.Second
	// relayPingEvery is how often a waiting host makes sure that its relay is still there, and relayPingTimeout how
	// long that may take.
	relayPingEvery   = 30 * time.Second
	relayPingTimeout = 10 * time.Second
	// registerPause is the least time between two registrations, so that a stream of bad guests does not use up
	// what the relay allows us.
	registerPause = 100 * time.Millisecond
	// maxRetryAfter is how long a relay can make us wait.
	maxRetryAfter = time.Minute
)

// Host waits for guests at the relay. As soon as one speaks, it registers again for the next, so that a guest that
// fails, or a pairing whose last message was lost, does not use the place up.
func (r *Relay) Host(ctx context.Context, place Place, open func(degraded error), accept func(net.Conn)) error {
	if r.problem != nil {
		return &retryAfterError{r.problem, maxRetryAfter}
	}
	for {
		conn, err := r.connect(ctx, place.Label, "host")
		if err != nil {
			return err
		}
		open(nil)
		err = conn.awaitFirst(ctx)
		switch {
		case err == nil:
			accept(conn)
		case ctx.Err() != nil:
			conn.Close()
			return context.Cause(ctx)
		case errors.Is(err, errGuestLeft):
			conn.Close()
		default:
			conn.Close()
			return err
		}
		sleep(ctx, registerPause)
	}
}

// Dial asks the relay for the host until ctx ends: the host may be about to register, or be on its way back after
// another guest. A relay that cannot be reached is given a few chances, one that is no relay none.
func (r *Relay) Dial(ctx context.Context, place Place, offer func(ctx context.Context, conn net.Conn) error) error {
	if r.problem != nil {
		return r.problem
	}
	pause := newBackOff()
	pause.MaxInterval = 2 * time.Second
	for failures := 0; ; {
		conn, err := r.connect(ctx, place.Label, "guest")
		switch {
		case err == nil:
			failures = 0
			if offer(context.WithoutCancel(ctx), conn) == nil {
				return nil
			}
		case ctx.Err() != nil:
			// The end of the round is no failure of the relay, unless it never got so far as to answer.
			if failures > 0 || errors.Is(context.Cause(ctx), context.DeadlineExceeded) && !errors.Is(err, errAnswered) {
				return err
			}
			return nil
		case errors.Is(err, errNobodyThere):
			failures = 0
		case errors.Is(err, errPermanent):
			return err
		default:
			if failures++; failures >= 4 {
				return err
			}
		}
		delay := retryDelay(err, pause.NextBackOff())
		if deadline, ok := ctx.Deadline(); ok && failures > 0 && time.Until(deadline) < delay {
			return err
		}
		sleep(ctx, delay)
		if ctx.Err() != nil {
			if failures > 0 {
				return err
			}
			return nil
		}
	}
}

// connect makes one request of the relay, and returns the WebSocket or what is wrong in words.
func (r *Relay) connect(ctx context.Context, label Label, as string) (*relayConn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectRelayTimeout)
	defer cancel()
	t := newRelayTransport(r.url)
	target := r.url.JoinPath("v1", "meet", string(label))
	target.RawQuery = "as=" + as
	ws, resp, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{
		HTTPClient: t.client,
		HTTPHeader: http.Header{"User-Agent": {"botsync"}},
	})
	if err != nil {
		t.close()
		return nil, explain(err, resp)
	}
	return newRelayConn(ws, t.close, r.Target()), nil
}

var errGuestLeft = fmt.Errorf("the guest left without a word")
