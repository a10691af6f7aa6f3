//go:build unix

package notify

import (
	"context"
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

// When its time is over or the daemon stops, a command ends with all that it
// started.
func TestCommandEndsWithItsGroup(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan answer)
	// The child has this open for as long as it lives.
	s := senderFor(t, shell(`sh -c 'exec 3>"$0"; echo up >&3; exec sleep 3600' '`+pids+`' & wait`, time.Hour))
	go func() { done <- s.send(ctx, "key", nil) }()
	f, err := os.OpenFile(pids, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 3)
	if _, err := f.Read(b); err != nil || string(b) != "up\n" {
		t.Fatalf("%q, %v", b, err)
	}
	stop()
	if a := <-done; a.verdict != retry {
		t.Errorf("%+v", a)
	}
	if n, err := f.Read(b); n > 0 || err != io.EOF {
		t.Errorf("%q, %v", b[:n], err)
	}
}
