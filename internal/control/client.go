package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// dialPatience bounds how long a daemon may take to accept a connection and to
// say what it is. One that is alive does so in a millisecond.
const dialPatience = 5 * time.Second

// maxLine bounds one line or answer of the daemon, in bytes.
const maxLine = 16 << 20

// Client talks to the daemon of one root. Its errors are [api.Error], but for
// those of a context. It can be used by several goroutines.
type Client struct {
	root    *root.Root
	http    *http.Client
	version api.Version
}

// Dial reaches the daemon of r and learns its version. When none answers the
// [api.Error] is not_running.
func Dial(ctx context.Context, r *root.Root) (*Client, error) {
	c := &Client{root: r}
	c.http = &http.Client{Transport: &http.Transport{
		DisableCompression:  true,
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     idlePatience / 2, // before the daemon closes it
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialSocket(ctx, r.Sockets())
		},
	}}
	ctx, cancel := context.WithTimeoutCause(ctx, dialPatience, errSilent)
	defer cancel()
	if err := c.call(ctx, http.MethodGet, "/v1/version", nil, &c.version); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

var errSilent = errors.New("it does not answer")

func dialSocket(ctx context.Context, paths []string) (net.Conn, error) {
	err := errors.New("there is no socket")
	for _, path := range paths {
		var d net.Dialer
		var conn net.Conn
		if conn, err = d.DialContext(ctx, "unix", path); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// WaitReady is [Dial] that tries again until the daemon answers or ctx is done;
// past the deadline of ctx the error is not_running.
func WaitReady(ctx context.Context, r *root.Root) (*Client, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		c, err := Dial(ctx, r)
		var known *api.Error
		if err == nil || errors.As(err, &known) && known.Code != api.CodeNotRunning {
			return c, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = (&Client{root: r}).gone(errSilent)
			}
			return nil, err
		}
	}
}

// Close drops the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Version is what the daemon said it is.
func (c *Client) Version() api.Version { return c.version }

// Status asks how things are.
func (c *Client) Status(ctx context.Context) (*api.Status, error) {
	var st api.Status
	if err := c.call(ctx, http.MethodGet, "/v1/status", nil, &st); err != nil {
		return nil, err
	}
	return &st, nil
}

// Invite opens an invite. The answer holds the code, which is not shown again.
func (c *Client) Invite(ctx context.Context, req api.InviteRequest) (*api.InviteLine, error) {
	var line api.InviteLine
	if err := c.call(ctx, http.MethodPost, "/v1/invites", req, &line); err != nil {
		return nil, err
	}
	return &line, nil
}

// Join joins a network, and is cancelled with ctx. progress may be nil; it is
// called before Join returns.
func (c *Client) Join(ctx context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
	var joined *api.JoinedLine
	err := c.lines(ctx, http.MethodPost, "/v1/join", req, func(line []byte) error {
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return err
		}
		switch kind.Type {
		case api.TypeJoined:
			joined = new(api.JoinedLine)
			return json.Unmarshal(line, joined)
		case api.TypeProgress:
			var p api.ProgressLine
			if err := json.Unmarshal(line, &p); err != nil {
				return err
			}
			if progress != nil {
				progress(p)
			}
		}
		return nil
	})
	if err == nil && joined == nil {
		err = c.stopped()
	}
	return joined, err
}

// Events calls on for each event after since that the daemon remembers, then for
// each new one; a negative since means new ones only. It returns what on returned,
// or the cause of ctx, or not_running when the daemon stops.
func (c *Client) Events(ctx context.Context, since int64, on func(api.Event) error) error {
	err := c.lines(ctx, http.MethodGet, "/v1/events?since="+strconv.FormatInt(since, 10), nil, func(line []byte) error {
		var e api.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		return on(e)
	})
	if err == nil {
		err = c.stopped()
	}
	return err
}

// Stop asks the daemon to stop. It has not stopped yet when this returns: its
// lock says when ([root.Root.Held]).
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/stop", nil, nil)
}

// call makes a request that is answered by one object.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxLine))
	if err != nil {
		return c.failed(ctx, err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return c.failed(ctx, fmt.Errorf("its answer makes no sense: %w", err))
	}
	return nil
}

// send makes a request. An answer other than 2xx is returned as an error.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, payload)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	var reply api.ErrorReply
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxLine)).Decode(&reply); err != nil || reply.Error == nil {
		return nil, api.Errorf(api.CodeUnexpected, "If botsync was updated, restart its daemon: botsync stop, botsync start.",
			"the daemon answered %s to %s", resp.Status, path)
	}
	return nil, reply.Error
}
