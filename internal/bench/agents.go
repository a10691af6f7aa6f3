package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// withPeers pairs two roots and does something with them.
func withPeers(ctx context.Context, b *bench, do func(m *botsyncMover) error) error {
	m := newBotsyncMover(b)
	defer m.stop(ctx)
	if err := m.start(ctx); err != nil {
		return err
	}
	return do(m)
}

// closeFile writes a file into the host's folder and returns when it was closed.
func (m *botsyncMover) closeFile(name string) (time.Time, error) {
	err := os.WriteFile(filepath.Join(m.left(shared), name), []byte("what is to be done"), 0o600)
	return time.Now(), err
}

// wake measures how long it takes from a file that is closed on one machine to
// the webhook on the other, with and without the pause in which changes are
// gathered.
func wake(ctx context.Context, b *bench) error {
	for _, test := range []struct {
		debounce string
		limit    float64
		n        int
	}{{"2s", 2100, b.n}, {"0s", 60, 4 * b.n}} {
		if err := withPeers(ctx, b, func(m *botsyncMover) error {
			hook, err := newHook()
			if err != nil {
				return err
			}
			defer hook.close()
			if err := setDebounce(ctx, m.guest, test.debounce); err != nil {
				return err
			}
			if _, err := m.guest.run(ctx, nil, "notify", "webhook", hook.url); err != nil {
				return err
			}
			row := b.row("file closed to webhook, debounce "+test.debounce, toolBotsync, unitMS).limit(test.limit)
			for i := range test.n {
				closed, err := m.closeFile(fmt.Sprintf("task-%d", i))
				if err != nil {
					return err
				}
				came, err := hook.next(ctx)
				if err != nil {
					return err
				}
				row.took(came.Sub(closed))
				if err := sleep(ctx, quiet); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// setDebounce edits config.toml as a person would, and allows notifications
// without number.
func setDebounce(ctx context.Context, n *node, value string) error {
	path := filepath.Join(n.dir, ".botsync", "config.toml")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		for key, to := range map[string]string{"debounce": `"` + value + `"`, "max_per_hour": "100000"} {
			if strings.HasPrefix(line, key+" =") {
				lines[i] = key + " = " + to
			}
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		return err
	}
	if _, err := n.stop(ctx); err != nil {
		return err
	}
	if _, err := n.run(ctx, nil, "start"); err != nil {
		return err
	}
	return await(ctx, "the peer", 10*time.Millisecond, func() bool {
		_, err := n.run(ctx, nil, "wait", "--synced")
		return err == nil
	})
}

// hook accepts whatever is posted.
type hook struct {
	url  string
	srv  *http.Server
	came chan time.Time
	done chan struct{}
}

func newHook() (*hook, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &hook{url: "http://" + l.Addr().String(), came: make(chan time.Time, 1000), done: make(chan struct{})}
	h.srv = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		h.came <- time.Now()
	})}
	go func() {
		defer close(h.done)
		_ = h.srv.Serve(l)
	}()
	return h, nil
}

func (h *hook) next(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case t := <-h.came:
		return t, nil
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("waiting for the webhook: %w", ctx.Err())
	}
}

func (h *hook) close() {
	_ = h.srv.Close()
	<-h.done
}

// mcpServer measures how long "botsync mcp" takes to answer.
func mcpServer(ctx context.Context, b *bench) error {
	return withPeers(ctx, b, func(m *botsyncMover) error {
		cmd := exec.CommandContext(ctx, m.host.binary, "mcp", "--root", m.host.dir)
		client := mcp.NewClient(&mcp.Implementation{Name: "bench", Version: "1"}, nil)
		session, err := client.Connect(ctx, &mcp.CommandTransport{Command: cmd}, nil)
		if err != nil {
			return fmt.Errorf("connecting to botsync mcp: %w", err)
		}
		defer session.Close()
		row := b.row("mcp: status", toolBotsync, unitMS).limit(30)
		for range 4 * b.n {
			begin := time.Now()
			result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "status"})
			if err != nil {
				return fmt.Errorf("calling status: %w", err)
			}
			if result.IsError {
				return fmt.Errorf("calling status: %v", result.Content)
			}
			row.took(time.Since(begin))
		}
		return nil
	})
}
