package mcp

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// lastAnswers bounds how long answers are finished for a client that has closed
// its end: a script that pipes its requests in does so at once.
const lastAnswers = 10 * time.Second

// patient is a transport whose end waits for the answers that are under way. gone
// is called as soon as the client has closed its end.
type patient struct {
	mcp.Transport
	gone func()
}

func (p *patient) Connect(ctx context.Context) (mcp.Connection, error) {
	conn, err := p.Transport.Connect(ctx)
	return &patientConn{Connection: conn, gone: p.gone, open: map[any]bool{}, none: make(chan struct{}, 1)}, err
}

type patientConn struct {
	mcp.Connection
	gone func()

	mu   sync.Mutex
	open map[any]bool  // IDs of requests that are not answered yet
	none chan struct{} // has an element when open becomes empty
}

func (c *patientConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	msg, err := c.Connection.Read(ctx)
	if err != nil {
		c.gone()
		c.finish(ctx)
		return nil, err
	}
	if req, ok := msg.(*jsonrpc.Request); ok {
		switch {
		case req.Method == "notifications/cancelled":
			var params struct {
				RequestID any `json:"requestId"`
			}
			if json.Unmarshal(req.Params, &params) == nil {
				if id, err := jsonrpc.MakeID(params.RequestID); err == nil {
					c.answered(id)
				}
			}
		case req.IsCall() && req.Method != "subscriptions/listen": // which is answered when the client ends it
			c.mu.Lock()
			c.open[req.ID.Raw()] = true
			c.mu.Unlock()
		}
	}
	return msg, nil
}

func (c *patientConn) Write(ctx context.Context, msg jsonrpc.Message) error {
	err := c.Connection.Write(ctx, msg)
	if resp, ok := msg.(*jsonrpc.Response); ok {
		c.answered(resp.ID)
	}
	return err
}

func (c *patientConn) answered(id jsonrpc.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, id.Raw())
	if len(c.open) == 0 {
		select {
		case c.none <- struct{}{}:
		default:
		}
	}
}

// finish waits until nothing is left to answer.
func (c *patientConn) finish(ctx context.Context) {
	late := time.After(lastAnswers)
	for {
		c.mu.Lock()
		left := len(c.open)
		c.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-late:
			return
		case <-c.none:
		}
	}
}
