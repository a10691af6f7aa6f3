package meeting

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/botsync/botsync/internal/meeting/relayurl"
)

// Relay is the way through a pairing relay, which both sides can reach: a WebSocket each, which it joins.
type Relay struct {
	raw     string
	url     *url.URL
	problem error // why there is no url
}

// NewRelay returns the way through the relay at a URL, which is read by relayurl.Parse. A malformed one makes a way
// that cannot be used and says why, so that pairing can go on by others.
func NewRelay(rawURL string) *Relay {
	u, err := relayurl.Parse(rawURL)
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
	// silentRelay is how long a relay that a host waits at may be silent before it is taken for dead. Relays ping
	// every 20 seconds.
	silentRelay = 75 * time.Second
	// maxRetryAfter is how long a relay can make us wait.
	maxRetryAfter = time.Minute
	// maxRelayFailures is how often in a row a guest asks a relay that does not answer.
	maxRelayFailures = 4
)

// Host waits for guests at the relay. As soon as one speaks, it registers again for the next, so that a guest that
// fails, or a pairing whose last message was lost, does not use the place up.
func (r *Relay) Host(ctx context.Context, place Place, open func(degraded error), accept func(net.Conn)) error {
	if r.problem != nil {
		return &retryAfterError{r.problem, maxRetryAfter} // it will not get better
	}
	// The next guest may be the right one, but a stream of bad ones, or a relay that plays them, is slowed down.
	pace := rate.NewLimiter(2, 5)
	for {
		if err := pace.Wait(ctx); err != nil {
			return err
		}
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
	}
}

// Dial asks the relay for the host until ctx ends: the host may be about to register, or be on its way back after
// another guest. A relay that cannot be reached is given a few chances, one that is no relay none.
func (r *Relay) Dial(ctx context.Context, place Place, offer func(ctx context.Context, conn net.Conn)) error {
	if r.problem != nil {
		return r.problem
	}
	pause := newBackOff()
	pause.MaxInterval = time.Second
	failures := 0 // since the relay last told whether the host is there
	looked := false
	for {
		conn, err := r.connect(ctx, place.Label, "guest")
		switch {
		case err == nil:
			offer(context.WithoutCancel(ctx), conn)
			looked, failures = true, 0
		case errors.Is(err, errNobodyThere):
			looked, failures = true, 0
		case ctx.Err() != nil && looked:
			return nil
		case ctx.Err() != nil, errors.Is(err, errPermanent):
			return err
		default:
			if failures++; failures >= maxRelayFailures {
				return err
			}
		}
		delay := retryDelay(err, pause.NextBackOff())
		if deadline, ok := ctx.Deadline(); failures > 0 && ok && time.Until(deadline) < delay {
			return err // what it asks us to wait is longer than we look
		}
		sleep(ctx, delay)
		if ctx.Err() == nil {
			continue
		}
		if failures > 0 {
			return err
		}
		return nil
	}
}

// connect makes one request of the relay, and returns the WebSocket or what is wrong in words.
func (r *Relay) connect(ctx context.Context, label Label, as string) (*relayConn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectRelayTimeout)
	defer cancel()
	t := newRelayTransport(r.url)
	target := r.url.JoinPath("v1", "meet", string(label))
	target.RawQuery = "as=" + as
	c := &relayConn{addr: relayAddr(r.Target()), cut: t.close}
	ws, resp, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{
		HTTPClient:     t.client,
		HTTPHeader:     http.Header{"User-Agent": {"botsync"}},
		OnPingReceived: c.pinged,
	})
	if err != nil {
		t.close()
		return nil, explain(err, resp)
	}
	c.open(ws)
	return c, nil
}
