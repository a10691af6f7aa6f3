//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// receiver is a webhook that honours the id.
type receiver struct {
	url string

	mu      sync.Mutex
	batches []api.NotifyBatch
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r.url = "http://" + l.Addr().String() + "/hook"
	server := &http.Server{Handler: r}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var b api.NotifyBatch
	if err != nil || json.Unmarshal(body, &b) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.batches, func(was api.NotifyBatch) bool { return was.ID == b.ID }) {
		r.batches = append(r.batches, b)
	}
}

// files are the paths that were told of, in that order.
func (r *receiver) files() (paths []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.batches {
		for _, f := range b.Files {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// configure changes config.toml of a node whose daemon is restarted by that.
func configure(n *botsynctest.Node, text string) {
	n.TB.Helper()
	n.Must("stop")
	path := n.Path(".botsync", "config.toml")
	data, err := os.ReadFile(path)
	if err == nil {
		before, _, found := strings.Cut(string(data), "[notify]")
		if !found {
			n.TB.Fatalf("no [notify] in\n%s", data)
		}
		err = os.WriteFile(path, []byte(before+text), 0o600)
	}
	if err != nil {
		n.TB.Fatal(err)
	}
	n.Must("start")
}

// release takes the brake off nodes whose daemons are restarted by that: what a
// test deletes on them travels, however much it is.
func release(nodes ...*botsynctest.Node) {
	for _, n := range nodes {
		n.TB.Helper()
		configure(n, "[brake]\nenabled = false\n")
	}
}

// The real thing, killed as in a power cut while files come in: every file that a
// peer made is told of, once to who honours the key, and in order.
func TestKillsLoseNoNotification(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	hook := newReceiver(t)
	agent.Must("notify", "webhook", hook.url)
	configure(agent, "[notify]\ndebounce = \"20ms\"\nmax_per_hour = 0\n")
	const kills = 10
	var want []string
	for range kills {
		for range 3 {
			name := fmt.Sprintf("%03d.txt", len(want))
			want = append(want, name)
			laptop.Write("inbox/"+name, name)
			time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond) // a user who drops files one by one
		}
		agent.Kill()
		agent.Must("start")
	}
	botsynctest.Await(t, "all are told of", func() bool { return len(hook.files()) >= len(want) })
	got := hook.files()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	last := int64(0)
	for _, b := range hook.batches {
		if b.FirstEvent <= last {
			t.Errorf("a batch begins with event %d, after one that ended with %d", b.FirstEvent, last)
		}
		last = b.LastEvent
	}
}

// What a receiver sees of names that are made to mislead.
func TestHostileNamesAreTold(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	hook := newReceiver(t)
	agent.Must("notify", "webhook", hook.url)
	agent.Must("notify", "exec", "--", "sh", "-c", "cat >>"+agent.Path("batches"))
	configure(agent, "[notify]\ndebounce = \"100ms\"\n")
	for _, name := range names {
		laptop.Write("inbox/"+name, "x")
	}
	botsynctest.Await(t, "all are told of", func() bool { return len(hook.files()) >= len(names) })
	got := hook.files()
	for _, name := range names {
		if name != "e\u0301 decomposed" && !slices.Contains(got, name) {
			t.Errorf("%q is not among what was told", name)
		}
	}
	botsynctest.Await(t, "the command runs", func() bool {
		data, err := os.ReadFile(agent.Path("batches"))
		return err == nil && len(data) > 0
	})
}
