package machines

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Two daemons pair though of six discovery servers five are bad: those that lie,
// refuse, break, talk rubbish and never answer neither lead the guest astray nor
// hold it up.
func TestPairBesideBadDiscoveryServers(t *testing.T) {
	t.Parallel()
	net := newInternet(t)
	var lies, hooked atomic.Int64
	trap := net.public.listen("198.51.100.1:9000")
	go serveNoise(trap, &hooked)
	never := make(chan struct{})
	servers := []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) { // takes every announcement and sends all to the trap
			if r.Method == http.MethodGet {
				lies.Add(1)
				fmt.Fprintf(w, `{"addresses":["tcp://198.51.100.1:9000",%q]}`, net.relay+"&token=x")
			}
		},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(noise(4096)) },
		func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-never:
			case <-r.Context().Done():
			}
		},
	}
	flags := net.flags()
	for i, handler := range servers {
		s := httptest.NewUnstartedServer(handler)
		s.Listener.Close()
		s.Listener = net.public.listen(fmt.Sprintf("198.51.100.1:%d", 9001+i))
		s.StartTLS()
		t.Cleanup(s.Close)
		flags = append(flags, "--discovery-server", fmt.Sprintf("https://198.51.100.1:%d/?insecure", 9001+i))
	}
	t.Cleanup(func() { close(never) }) // before the servers are closed, which wait for it
	host, guest := net.server("host").node("host"), net.home("guest").node("guest")
	invite := initOn(host, flags...)
	start := time.Now()
	joinOn(guest, invite.Code, flags...)
	t.Logf("joined after %v, %d lies, %d connections to where they led", time.Since(start).Round(time.Millisecond), lies.Load(), hooked.Load())
	mustHaveEachOther(t, host, guest)

	// Whatever the servers say, another code leads to nobody.
	other := net.server("other").node("other")
	r := other.Run(append([]string{"join", "--json", "--name", "other", "walrus-velvet-canyon-puppet-catnip"}, flags...)...)
	if r.Exit != api.ExitCodeUnknown {
		t.Errorf("join with a code of nobody: exit %d\n%s", r.Exit, r.Stderr)
	}
	// The guest may have found the host before it came to where the lies led; who
	// looks for nobody has the time.
	if lies.Load() == 0 || hooked.Load() == 0 {
		t.Errorf("%d lies, %d connections to where they led: nobody was lied to", lies.Load(), hooked.Load())
	}
}

// serveNoise answers every connection with noise.
func serveNoise(ln net.Listener, count *atomic.Int64) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		count.Add(1)
		go func() {
			defer c.Close()
			_, _ = c.Write(noise(4096))
			_, _ = io.CopyN(io.Discard, c, 4096)
		}()
	}
}
