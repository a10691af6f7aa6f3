//go:build unix

package notify

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func shell(script string, limit time.Duration) api.NotifyTarget {
	return api.NotifyTarget{Name: "exec", Kind: api.NotifyExec, Command: []string{"/bin/sh", "-c", script}, TimeLimit: limit}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		target api.NotifyTarget
		want   verdict
		says   string
	}{
		"reads and says":          {shell(`cat; echo " $BOTSYNC_NOTIFICATION"; [ "$BOTSYNC_ROOT" = "$PWD" ]`, 0), accepted, "exit 0: {} key"},
		"does not read":           {shell(`exit 0`, 0), accepted, "exit 0"},
		"asks for later":          {shell(`exit 75`, 0), retry, "exit 75"},
		"fails":                   {shell("printf 'bad\\n\\033[31mred\\n' >&2; exit 3", 0), retryFew, `exit 3: bad \u001b[31mred`},
		"is killed":               {shell(`kill -9 $$`, 0), retryFew, "killed"},
		"says too much":           {shell(`yes | head -c 1000000; echo end; exit 1`, 0), retryFew, "y end"},
		"says too much, broken":   {shell(`yes "$(printf '\033[31mred')" | head -c 100000; exit 1`, 0), retryFew, `exit 1: … \u001b[31mred \u001b[31mred`},
		"says one long word":      {shell(`head -c 100000 /dev/zero; exit 1`, 0), retryFew, `0\u0000`},
		"takes too long":          {shell(`echo begun; sleep 60`, 100*time.Millisecond), retryFew, "ended after 100ms: begun"},
		"does not exist":          {api.NotifyTarget{Kind: api.NotifyExec, Command: []string{"/nonexistent/x"}}, pause, "cannot be run"},
		"is not in PATH":          {api.NotifyTarget{Kind: api.NotifyExec, Command: []string{"no-such-command-x"}}, pause, "cannot be run"},
		"may not be run":          {api.NotifyTarget{Kind: api.NotifyExec, Command: []string{"/etc/passwd"}}, pause, "cannot be run"},
		"leaves a child behind":   {shell(`sleep 60 & exit 0`, 0), accepted, "exit 0"},
		"keeps no token in sight": {shell(`[ -z "$OPENCLAW_HOOKS_TOKEN" ]`, 0), accepted, "exit 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte("{}")
			if name == "does not read" {
				body = make([]byte, maxBody) // more than a pipe holds
			}
			a := senderFor(t, tc.target).send(t.Context(), "key", body)
			if a.verdict != tc.want || !strings.Contains(a.text, tc.says) || len(a.text) > maxSaid+64 {
				t.Errorf("%+v, want %v, %q", a, tc.want, tc.says)
			}
		})
	}
}

// What could never be run is refused at once.
func TestRunnable(t *testing.T) {
	t.Parallel()
	here := t.TempDir()
	if err := os.WriteFile(filepath.Join(here, "on-files"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]bool{
		"sh": true, "/bin/sh": true, "./on-files": true, filepath.Join(here, "on-files"): true,
		"on-files": false, "no-such-command-x": false, "/nonexistent/x": false, "./other": false, here: false, "/etc/passwd": false,
	} {
		err := Runnable(program, here)
		if e, ok := errors.AsType[*api.Error](err); want != (err == nil) || !want && (!ok || e.Code != api.CodeUsage || !strings.Contains(e.Message, program)) {
			t.Errorf("%s: %v", program, err)
		}
	}
}

// However a command ends, all that it started ends as well: when the daemon stops,
// and when it has nothing more to do.
func TestCommandEndsWithItsGroup(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stop bool
		then string // after the child is up
		want verdict
	}{
		"the daemon stops": {true, "wait", retry},
		"it is done":       {false, `read line <"$0.done"; exit 0`, accepted},
		"it fails":         {false, `read line <"$0.done"; exit 1`, retryFew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := filepath.Join(t.TempDir(), "up")
			for _, fifo := range []string{up, up + ".done"} {
				if err := syscall.Mkfifo(fifo, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			target := shell(`sh -c 'exec 3>"$0"; echo up >&3; exec sleep 3600' "$0" >/dev/null 2>&1 & `+tc.then, time.Hour)
			target.Command = append(target.Command, up)
			done := make(chan answer)
			go func() { done <- senderFor(t, target).send(ctx, "key", nil) }()
			f, err := os.Open(up) // the child has its other end for as long as it lives
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			b := make([]byte, 3)
			if _, err := f.Read(b); err != nil || string(b) != "up\n" {
				t.Fatalf("%q, %v", b, err)
			}
			if tc.stop {
				stop()
			} else if err := os.WriteFile(up+".done", []byte("\n"), 0); err != nil {
				t.Fatal(err)
			}
			if a := <-done; a.verdict != tc.want {
				t.Errorf("%+v", a)
			}
			if n, err := f.Read(b); n > 0 || err != io.EOF {
				t.Errorf("%q, %v", b[:n], err)
			}
		})
	}
}
