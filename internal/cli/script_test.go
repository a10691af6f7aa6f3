package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/root"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"botsync": func() { os.Exit(Main(context.Background(), os.Args[1:], fakeDeps())) },
	})
}

// TestScripts runs the commands as a user does, as processes, over a daemon that
// is botsync's own up to the local API.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:      "testdata",
		Deadline: time.Now().Add(3 * time.Minute),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exitsWith,
			"killed":  killDaemon,
			"stopped": awaitStopped,
			"printed": awaitPrinted,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("TMPDIR", env.WorkDir)
			env.Defer(func() { endDaemons(t, env.WorkDir) })
			return nil
		},
	})
}

// exits N COMMAND… runs a command and compares its exit code.
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// killed ROOT ends the daemon of a root with SIGKILL.
func killDaemon(ts *testscript.TestScript, _ bool, args []string) {
	r, err := root.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	info, err := r.LockInfo()
	ts.Check(err)
	ts.Check(kill(info.PID))
	ts.Check(awaitFree(r))
}

// [!] stopped ROOT checks that no daemon runs, and waits for one that is ending.
func awaitStopped(ts *testscript.TestScript, neg bool, args []string) {
	r, err := root.Open(ts.MkAbs(args[0]))
	if errors.Is(err, fs.ErrNotExist) || hasCode(err, "not_initialised") {
		return
	}
	ts.Check(err)
	if neg {
		if held, err := r.Held(); err != nil || !held {
			ts.Fatalf("no daemon is running: %v", err)
		}
		return
	}
	ts.Check(awaitFree(r))
}

func awaitFree(r *root.Root) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if held, err := r.Held(); err != nil || !held {
			return err
		}
	}
	return errors.New("the daemon is still running")
}

// printed FILE TEXT waits until a process in the background has written text.
func awaitPrinted(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if data, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(data), args[1]) {
			return
		}
	}
	ts.Fatalf("%s does not contain %q", args[0], args[1])
}

// endDaemons ends what a script that failed left running.
func endDaemons(t *testing.T, dir string) {
	locks, err := filepath.Glob(filepath.Join(dir, "*", root.StateName, "daemon.lock"))
	if err != nil {
		t.Error(err)
	}
	for _, lock := range locks {
		r, err := root.Open(filepath.Dir(filepath.Dir(lock)))
		if err != nil {
			continue
		}
		if held, err := r.Held(); err != nil || !held {
			continue
		}
		if info, err := r.LockInfo(); err == nil && info.PID > 0 {
			_ = kill(info.PID)
		}
	}
}
