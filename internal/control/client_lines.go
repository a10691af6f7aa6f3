package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// lines makes a request that is answered by JSON lines, and calls on for each. A
// line that is an ErrorReply ends the stream with that error.
func (c *Client) lines(ctx context.Context, method, path string, body any, on func(line []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the request when on fails
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	for sc.Scan() {
		var reply api.ErrorReply
		if err := json.Unmarshal(sc.Bytes(), &reply); err != nil {
			return c.failed(ctx, fmt.Errorf("its answer makes no sense: %w", err))
		}
		if reply.Error != nil {
			return reply.Error
		}
		if err := on(sc.Bytes()); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return c.failed(ctx, err)
	}
	return nil
}

// failed explains why there is no answer: the caller gave up, or the daemon is
// not there.
func (c *Client) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSilent) {
		return cause
	} else if cause != nil {
		err = cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which names no place that exists
	}
	return c.gone(err)
}

// deathPatience is how long a process that is killed may take from the end of its
// connections to the end of its lock.
const deathPatience = 200 * time.Millisecond

// gone is the error for a daemon that does not answer.
func (c *Client) gone(err error) *api.Error {
	held, lockErr := c.root.Held()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		for end := time.Now().Add(deathPatience); held && lockErr == nil && time.Now().Before(end); {
			time.Sleep(deathPatience / 20)
			held, lockErr = c.root.Held()
		}
		if lockErr == nil && !held {
			return c.stopped()
		}
	}
	info, infoErr := c.root.LockInfo()
	if lockErr == nil && infoErr == nil && held {
		return api.Errorf(api.CodeNotRunning, "If this lasts, end that process; the log is "+c.root.LogPath()+".",
			"the daemon of %s (process %d) does not answer: %v", c.root.Dir(), info.PID, err)
	}
	return api.Errorf(api.CodeNotRunning, `Run "botsync start".`, "the daemon of %s is not running", c.root.Dir())
}

// stopped is the error for a daemon that ended while it was asked.
func (c *Client) stopped() *api.Error {
	return api.Errorf(api.CodeNotRunning, `Run "botsync start", then the command again.`,
		"the daemon of %s stopped meanwhile", c.root.Dir())
}
