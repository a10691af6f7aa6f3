//go:build unix

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // as the daemon does

	"github.com/botsync/botsync/internal/needs"
)

// signal NAME INT|TERM|HUP: to a command in the background.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "signal NAME INT|TERM|HUP")
	sig, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[1]]
	need(ts, ok, "signal NAME INT|TERM|HUP")
	ts.Check(worldOf(ts).running(ts, args[0]).cmd.Process.Signal(sig))
}

// daemon is the process of this machine's daemon, which must be running.
func (w *world) daemon(ts *testscript.TestScript) int {
	pid := w.node(w.root(ts)).PID()
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		ts.Fatalf("no daemon is running")
	}
	return pid
}

// end sends the daemon a signal and waits until it is gone.
func (w *world) endDaemon(ts *testscript.TestScript, sig syscall.Signal) {
	pid := w.daemon(ts)
	ts.Check(syscall.Kill(pid, sig))
	await(ts, fmt.Sprintf("the end of the daemon, process %d", pid), func() error {
		// The system ends a process part by part; the lock goes last.
		if alive(pid) || w.node(w.root(ts)).Held() {
			return errors.New("it is still there")
		}
		return nil
	})
}

// alive reports whether a process is more than an entry that waits for its
// parent.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// kill9: this machine's daemon ends as in a power cut.
func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "kill9")
	worldOf(ts).endDaemon(ts, syscall.SIGKILL)
}

// terminate: as a system does that shuts down.
func cmdTerminate(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "terminate")
	worldOf(ts).endDaemon(ts, syscall.SIGTERM)
}

// hangup: as a terminal does that is closed.
func cmdHangup(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "hangup")
	w := worldOf(ts)
	ts.Check(syscall.Kill(w.daemon(ts), syscall.SIGHUP))
}

// no-daemon: none is running below this machine's home, nor ever was.
func cmdNoDaemon(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "no-daemon")
	w := worldOf(ts)
	for _, root := range w.roots() {
		if strings.HasPrefix(root, w.home()+string(filepath.Separator)) {
			ts.Fatalf("a daemon was started in %s", root)
		}
	}
}

// secret-from-ps TEXT: neither the arguments nor the environment of this
// machine's daemon contain it, nor any of its words that are long enough to be
// no coincidence.
func cmdSecretFromPS(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "secret-from-ps TEXT")
	w := worldOf(ts)
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		needs.Skip(w.tb, "this test needs /proc: %v", err)
	}
	dir := filepath.Join("/proc", strconv.Itoa(w.daemon(ts)))
	for _, name := range []string{"cmdline", "environ"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		ts.Check(err)
		if len(data) == 0 {
			ts.Fatalf("%s is empty", name)
		}
		if strings.Contains(strings.ToLower(string(data)), strings.ToLower(args[0])) {
			ts.Fatalf("%s of the daemon contains %s", name, args[0])
		}
	}
}

// expire-in D: while this machine's daemon is not running, the one open invite
// on its disk gets another end.
func cmdExpireIn(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "expire-in DURATION")
	in, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(setExpiry(filepath.Join(worldOf(ts).root(ts), ".botsync", "state.db"), time.Now().Add(in)))
}

func setExpiry(path string, at time.Time) (err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	res, err := db.Exec("UPDATE invites SET expires_at = ? WHERE state = 'open'", at.UnixMilli())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d invites are open, not one", n))
	}
	return nil
}
