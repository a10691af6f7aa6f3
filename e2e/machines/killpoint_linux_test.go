package machines

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// A victim is the process that is ended in the middle of a pairing.
type victim string

const (
	hostDaemon  victim = "host's daemon"
	guestDaemon victim = "guest's daemon"
	joinCommand victim = "join"
	interrupted victim = "join by ^C"
)

// A killing ends a victim while the relay holds a piece back. Then the piece is
// delivered, if somebody is left to whom, or lost.
type killing struct {
	victim
	at        point
	delivered bool
}

func (k killing) String() string {
	fate := "lost"
	if k.delivered {
		fate = "delivered"
	}
	return string(k.victim) + " killed, " + k.at.String() + " " + fate
}

// killings are all that differ: a piece to somebody who is dead is lost in any
// case.
func killings() (list []killing) {
	for _, v := range []victim{hostDaemon, guestDaemon, joinCommand, interrupted} {
		dead := toGuest
		if v == hostDaemon {
			dead = toHost
		}
		for _, at := range points {
			list = append(list, killing{v, at, false})
			if at.to != dead {
				list = append(list, killing{v, at, true})
			}
		}
	}
	return list
}

// Whoever dies in whichever moment of a pairing: it starts again, the same
// command is run again, and both have each other.
func TestKilledWhilePairing(t *testing.T) {
	t.Parallel()
	for _, k := range killings() {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			h := newHolder(k.at)
			m := newMeeters(t, h.meddle)
			t.Cleanup(h.release) // before the relay ends
			join := startJoin(t, m)
			h.await(t)
			switch k.victim {
			case hostDaemon:
				killDaemon(t, m.host)
			case guestDaemon:
				killDaemon(t, m.guest)
			case joinCommand:
				join.signal(t, syscall.SIGKILL)
			case interrupted:
				join.signal(t, os.Interrupt)
			}
			h.let(k.delivered)
			if k.victim == hostDaemon {
				m.host.Must("start")
			}
			first := join.wait(t)
			if k.victim == guestDaemon && isInitialised(m.guest) {
				m.guest.Must("start")
			}
			if first.Exit != 0 {
				retry := joinBy(m.guest, m.invite.Code, guestsRelay)
				t.Logf("retry: exit %d after %v", retry.Exit, retry.Took.Round(time.Millisecond))
				if retry.Exit != 0 {
					t.Fatalf("first: exit %d\n%s%s\nretry: exit %d\n%s%s", first.Exit, first.Stdout, first.Stderr, retry.Exit, retry.Stdout, retry.Stderr)
				}
			}
			mustHaveEachOther(t, m.host, m.guest)
			exchange(t, m.host, m.guest, "after")
		})
	}
}

// A guest that dies and never comes back leaves nothing, and another one can use
// its code.
func TestGuestThatNeverComesBack(t *testing.T) {
	t.Parallel()
	for _, at := range points[:len(points)-1] {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			h := newHolder(at)
			router, list := routed(t, "host", "guest", "other")
			m := meeters{host: list[0].node("host"), guest: list[1].node("guest"), relay: router.startMeddler(h.meddle)}
			t.Cleanup(h.release)
			m.invite = initBy(m.host, hostsRelay)
			join := startJoin(t, m)
			h.await(t)
			killDaemon(t, m.guest)
			h.let(false)
			join.wait(t)
			mustBeAlone(t, m.host)
			mustBeNobodyOrPending(t, m.guest, at)

			other := list[2].node("other")
			if r := joinBy(other, m.invite.Code, "http://10.7.3.1:8080"); r.Exit != 0 {
				t.Fatalf("another guest with the same code: exit %d\n%s", r.Exit, r.Stderr)
			}
			mustHaveEachOther(t, m.host, other)
			exchange(t, m.host, other, "instead")
		})
	}
}

// mustBeNobodyOrPending: from the Welcome on a guest may be in; it says that it
// does not know.
func mustBeNobodyOrPending(t *testing.T, guest node, at point) {
	t.Helper()
	if !isInitialised(guest) {
		return
	}
	guest.Must("start")
	s := guest.Status()
	if pending := hasProblem(s, "join_pending"); pending != (at == point{toHost, 2}) {
		t.Errorf("after it was killed at %s: problems %+v", at, s.Problems)
	}
	mustBeNobody(t, guest)
}

func isInitialised(n node) bool {
	_, err := os.Stat(n.Path(".botsync", "config.toml"))
	return err == nil
}

// A holder is a meddler that holds the first piece that comes to a point.
type holder struct {
	at      point
	reached chan struct{}
	deliver chan bool
	done    chan struct{}
}

func newHolder(at point) *holder {
	return &holder{at: at, reached: make(chan struct{}), deliver: make(chan bool, 1), done: make(chan struct{})}
}

func (h *holder) meddle(p piece) ([][]byte, bool) {
	if p.point != h.at || p.meeting != 0 {
		return honest(p)
	}
	close(h.reached)
	select {
	case <-h.done:
	case deliver := <-h.deliver:
		if deliver {
			return honest(p)
		}
	}
	return nil, true
}

func (h *holder) await(t *testing.T) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(botsynctest.Patience):
		t.Fatalf("the pairing never came to %s", h.at)
	}
}

func (h *holder) let(deliver bool) { h.deliver <- deliver }
func (h *holder) release()         { close(h.done) }

// A running command is a join under way.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	start          time.Time
	ended          chan struct{}
}

func startJoin(t *testing.T, m meeters) *running {
	t.Helper()
	r := &running{start: time.Now(), ended: make(chan struct{})}
	r.cmd = m.guest.Command(context.Background(), joinArgs(m.guest, m.invite.Code, guestsRelay)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.ended
	})
	return r
}

func (r *running) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	if s == os.Kill {
		<-r.ended
	}
}

func (r *running) wait(t *testing.T) botsynctest.Result {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(2 * botsynctest.Patience):
		t.Fatalf("join did not end:\n%s%s", &r.stdout, &r.stderr)
	}
	result := botsynctest.Result{Stdout: r.stdout.String(), Stderr: r.stderr.String(),
		Exit: r.cmd.ProcessState.ExitCode(), Took: time.Since(r.start)}
	t.Logf("join: exit %d after %v: %s", result.Exit, result.Took.Round(time.Millisecond), result.Stderr)
	return result
}

// killDaemon ends a daemon as a power cut would, and returns when it is gone.
func killDaemon(t *testing.T, n node) {
	t.Helper()
	pid := n.PID()
	if pid <= 1 {
		t.Fatalf("%s has no daemon", n.Name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	botsynctest.Await(t, n.Name+"'s daemon to be gone", func() bool { return !alive(pid) })
}

// alive reports whether a process runs; one that waits to be buried does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
