package meeting

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// poolTimeout bounds the request for a pool's relays.
	poolTimeout = 8 * time.Second
	// maxPoolAnswer bounds its answer. Syncthing's pool names 100 relays at most, in some 20 KiB.
	maxPoolAnswer = 1 << 20
	// poolTries is how many relays of a pool are connected to at once. The one that answers first is near.
	poolTries = 5
)

// A syncRelaySource is a relay of Syncthing, or a pool of which one is taken.
type syncRelaySource struct {
	name  string // for people
	relay syncRelay
	pool  *url.URL // if it is a pool
	agent string
	// loopback tells that it is on this machine, and may send us to others there.
	loopback bool
}

func newSyncRelaySource(raw, agent string) (*syncRelaySource, error) {
	u, err := parseServerURL(raw)
	if err != nil {
		return nil, err
	}
	s := &syncRelaySource{name: u.Host, agent: agent, loopback: isLoopbackURL(u)}
	switch scheme, dynamic := strings.CutPrefix(u.Scheme, "dynamic+"); {
	case dynamic && (scheme == "http" || scheme == "https") && u.Hostname() != "":
		u.Scheme = scheme
		s.pool = u
		return s, nil
	case dynamic:
		return nil, errors.New("a pool looks like dynamic+https://relays.example.org/endpoint")
	}
	s.relay, err = parseSyncRelay(u)
	return s, err
}

// join makes us reachable at the relay, or at one of the pool.
func (s *syncRelaySource) join(ctx context.Context, as globalIdentity) (*tls.Conn, syncRelay, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, poolTimeout+syncRelayTimeout, errors.New("did not answer in time"))
	defer cancel()
	relays := []syncRelay{s.relay}
	if s.pool != nil {
		var err error
		if relays, err = s.fetch(ctx); err != nil {
			return nil, syncRelay{}, err
		}
	}
	rand.Shuffle(len(relays), func(i, j int) { relays[i], relays[j] = relays[j], relays[i] })
	var problem error
	for len(relays) > 0 && ctx.Err() == nil {
		n := min(poolTries, len(relays))
		conn, r, err := joinFirst(ctx, relays[:n], as, s.loopback)
		if err == nil {
			return conn, r, nil
		}
		problem, relays = err, relays[n:]
	}
	if ctx.Err() != nil {
		problem = context.Cause(ctx)
	}
	return nil, syncRelay{}, explainSyncRelay(problem)
}

// joinFirst connects to all relays at once, and joins the first that lets us.
func joinFirst(ctx context.Context, relays []syncRelay, as globalIdentity, loopback bool) (*tls.Conn, syncRelay, error) {
	dialCtx, cancel := context.WithTimeout(ctx, syncRelayTimeout)
	defer cancel()
	type reached struct {
		relay syncRelay
		conn  net.Conn
		err   error
	}
	all := make(chan reached, len(relays))
	for _, r := range relays {
		go func() { // ends soon after cancel; the channel has room for all
			conn, err := guardedDialer(loopback).DialContext(dialCtx, "tcp", r.hostPort())
			all <- reached{r, conn, err}
		}()
	}
	var joined *tls.Conn
	var at syncRelay
	var problem error
	for range relays {
		c := <-all
		switch {
		case c.err != nil:
			if joined == nil {
				problem = c.err
			}
		case joined != nil:
			c.conn.Close()
		default:
			tryCtx, done := context.WithTimeout(ctx, syncRelayTimeout/2)
			conn, err := joinSyncRelay(tryCtx, c.conn, c.relay, as)
			done()
			if err != nil {
				problem = err
				continue
			}
			joined, at = conn, c.relay
			cancel()
		}
	}
	if joined == nil {
		return nil, at, problem
	}
	return joined, at, nil
}

// fetch asks the pool for its relays.
func (s *syncRelaySource) fetch(ctx context.Context) ([]syncRelay, error) {
	ctx, cancel := context.WithTimeout(ctx, poolTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.pool.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", s.agent)
	req.Close = true // the next is far away
	resp, body, err := fetch(newHTTPClient(nil), req, maxPoolAnswer)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || isWebPage(resp) {
		err := fmt.Errorf("answered %d %s instead of a list of relays", resp.StatusCode, http.StatusText(resp.StatusCode))
		return nil, &retryAfterError{err, seconds(resp.Header.Get("Retry-After"))}
	}
	return parseRelayList(body, s.loopback)
}

// maxPool is how many relays of a list are taken.
const maxPool = 1000

// parseRelayList reads what a server says that knows relays of Syncthing.
func parseRelayList(body []byte, loopback bool) ([]syncRelay, error) {
	var list struct {
		Relays []struct {
			URL string `json:"url"`
		} `json:"relays"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("answered with something that is no list of relays")
	}
	var relays []syncRelay
	for _, r := range list.Relays {
		if c, ok := parseGlobalCandidate(r.URL, loopback); ok && !c.direct.IsValid() && len(relays) < maxPool {
			relays = append(relays, c.relay)
		}
	}
	if len(relays) == 0 {
		return nil, errors.New("knows no relay")
	}
	return relays, nil
}

// explainSyncRelay says what is wrong with a relay.
func explainSyncRelay(err error) error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, errNoSyncRelay) {
		return errNoSyncRelay
	}
	if errors.Is(err, errOtherCertificate) {
		return errOtherCertificate
	}
	return explain(err, nil)
}
