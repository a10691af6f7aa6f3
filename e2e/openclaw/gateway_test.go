//go:build openclaw && linux

package openclaw

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

const hookToken = "a-token-of-hooks"

// gateway is a running OpenClaw with an agent whose model is ours.
type gateway struct {
	t     *testing.T
	port  int
	model *model
	cmd   *exec.Cmd
	done  chan struct{}
	log   bytes.Buffer
	dir   string
	node  string
	home  string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{t: t, port: freePort(t), model: newModel(t), home: botsynctest.TempDir(t)}
	needs.Linux(t)
	needs.Tool(t, "npm") // or else TestMain has installed it
	g.dir, g.node = place()
	config := map[string]any{
		"gateway": map[string]any{"mode": "local", "bind": "loopback", "port": g.port,
			"auth": map[string]any{"mode": "token", "token": "another-token"}},
		"update":    map[string]any{"checkOnStart": false},
		"discovery": map[string]any{"mdns": map[string]any{"mode": "off"}},
		"models": map[string]any{"catalogRefresh": map[string]any{"enabled": false}, "providers": map[string]any{
			"stub": map[string]any{"baseUrl": g.model.url + "/v1", "apiKey": "none", "api": "openai-completions",
				"models": []any{map[string]any{"id": "stub", "name": "stub"}}}}},
		"agents": map[string]any{"defaults": map[string]any{"workspace": filepath.Join(g.home, "workspace"), "skipBootstrap": true,
			"model": map[string]any{"primary": "stub/stub"}}},
		"hooks": map[string]any{"enabled": true, "path": "/hooks", "token": hookToken},
	}
	data, err := json.Marshal(config)
	if err == nil {
		err = os.WriteFile(filepath.Join(g.home, "openclaw.json"), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.start()
	t.Cleanup(func() {
		g.kill()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", g.log.String())
		}
	})
	return g
}

func (g *gateway) url() string { return "http://127.0.0.1:" + strconv.Itoa(g.port) + "/hooks/agent" }

// start returns when the hook answers.
func (g *gateway) start() {
	g.t.Helper()
	g.cmd = exec.Command(g.node, filepath.Join(g.dir, "node_modules", "openclaw", "openclaw.mjs"),
		"gateway", "run", "--port", strconv.Itoa(g.port), "--bind", "loopback")
	g.cmd.Dir, g.cmd.Stdout, g.cmd.Stderr = g.home, &g.log, &g.log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The second start need not compile anew what the first has.
	g.cmd.Env = []string{"NODE_COMPILE_CACHE=" + filepath.Join(g.home, "compiled"), "PATH=" + filepath.Dir(g.node) + ":" + os.Getenv("PATH"), "HOME=" + g.home,
		"OPENCLAW_STATE_DIR=" + filepath.Join(g.home, "state"), "OPENCLAW_CONFIG_PATH=" + filepath.Join(g.home, "openclaw.json"),
		"OPENCLAW_NO_AUTO_UPDATE=1", "OPENCLAW_DISABLE_BONJOUR=1", "OPENCLAW_NO_RESPAWN=1", "OPENCLAW_SKIP_CHANNELS=1",
		"OPENCLAW_SKIP_BROWSER_CONTROL_SERVER=1", "OPENCLAW_SKIP_CANVAS_HOST=1", "OPENCLAW_SKIP_GMAIL_WATCHER=1"}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(g.cmd, g.done)
	botsynctest.AwaitFor(g.t, 3*time.Minute, "the gateway", func() bool {
		select {
		case <-g.done:
			g.t.Fatal("the gateway ended")
		default:
		}
		resp, err := http.Get(g.url())
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusMethodNotAllowed
	})
}

// stop ends it in good order, and by force if that takes too long.
func (g *gateway) stop() {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.done:
	case <-time.After(20 * time.Second):
	}
	g.kill()
}

func (g *gateway) kill() {
	_ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
	<-g.done
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// model is a language model that says "ok", and remembers what it was asked.
type model struct {
	url   string
	mu    sync.Mutex
	asked []string
}

func newModel(t *testing.T) *model {
	m := &model{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.url = "http://" + l.Addr().String()
	server := &http.Server{Handler: m}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Shutdown(context.WithoutCancel(t.Context())) })
	return m
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var req struct {
		Stream bool `json:"stream"`
	}
	if r.Method != http.MethodPost || json.Unmarshal(body, &req) != nil {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"stub","object":"model"}]}`)
		return
	}
	m.mu.Lock()
	m.asked = append(m.asked, string(body))
	m.mu.Unlock()
	if !req.Stream {
		fmt.Fprint(w, `{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, chunk := range []string{
		`{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"ok"}}]}`,
		`{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`[DONE]`,
	} {
		fmt.Fprintf(w, "data: %s\n\n", chunk)
	}
}

// requests are what the model was asked so far.
func (m *model) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.asked...)
}
