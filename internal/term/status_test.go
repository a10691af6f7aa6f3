package term

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/botsync/botsync/internal/api"
)

func tContext() context.Context { return context.Background() }

// "In sync" is said only when every device is there and has everything.
func TestSummaryIsHonest(t *testing.T) {
	t.Parallel()
	peer := api.Peer{Device: api.Device{Name: "vps"}, Connected: true}
	synced := func() *api.Status {
		return &api.Status{State: api.StateRunning, Peers: []api.Peer{peer, peer},
			Folders: []api.Folder{{Name: "shared", State: api.FolderIdle}, {Name: "inbox", State: api.FolderIdle}}}
	}
	for _, tc := range []struct {
		name   string
		change func(*api.Status)
		want   string
	}{
		{"all is well", func(*api.Status) {}, "In sync with 2 devices."},
		{"stopped", func(s *api.Status) { s.State = api.StateStopped }, "Stopped."},
		{"trouble", func(s *api.Status) { s.Problems = make([]api.Problem, 2) }, "2 problems."},
		{"alone", func(s *api.Status) { s.Peers = nil }, "Alone."},
		{"waiting", func(s *api.Status) { s.Peers, s.Invites = nil, make([]api.Invite, 1) }, "Waiting for a device to join."},
		{"something to get", func(s *api.Status) { s.Folders[1].NeedFiles = 1 }, "Syncing: 1 file to get, 0 files to give."},
		{"something to give", func(s *api.Status) { s.Peers[1].NeedFiles = 3 }, "Syncing: 0 files to get, 3 files to give."},
		{"one is away", func(s *api.Status) { s.Peers[0].Connected = false }, "1 of 2 devices connected."},
		{"scanning", func(s *api.Status) { s.Folders[0].State = api.FolderScanning }, "Looking for changes."},
		{"syncing", func(s *api.Status) { s.Folders[0].State = api.FolderSyncing }, "Looking for changes."},
		{"paused", func(s *api.Status) { s.Folders[0].State = api.FolderPaused }, "Not every folder is synced."},
		{"in error", func(s *api.Status) { s.Folders[0].State = api.FolderError }, "Not every folder is synced."},
		{"with an error", func(s *api.Status) { s.Folders[0].Error = "gone" }, "Not every folder is synced."},
	} {
		st := synced()
		tc.change(st)
		if got := ansi.Strip(screen().summary(st)); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	now := time.Now()
	seen := now.Add(-2 * time.Hour)
	st := &api.Status{
		State: api.StateRunning, Root: "/home/me/sync", Device: api.Device{Name: "vps", Role: api.RoleAgent},
		Folders: []api.Folder{
			{Name: "shared", State: api.FolderIdle, Files: 1200, Bytes: 5 << 20},
			{Name: "deliverables", State: api.FolderSyncing, NeedFiles: 2, NeedBytes: 2048, Conflicts: 1},
			{Name: "inbox", State: api.FolderError, Error: "no\nmarker"},
		},
		Peers: []api.Peer{
			{Device: api.Device{Name: "laptop\x1b[2J"}, Connected: true, Via: api.ViaRelay, NeedFiles: 1, NeedBytes: 10},
			{Device: api.Device{Name: "日本"}, LastSeen: &seen},
		},
		Invites:  []api.Invite{{ExpiresAt: now.Add(90 * time.Second), Ways: []api.Way{{Name: "lan", OK: true}}}},
		Problems: []api.Problem{{Code: "x", Message: "the disk is full", Hint: "Make room."}},
	}
	term, out, err := pipes(Options{Env: utf8Env})
	if e := term.Status(st, now); e != nil {
		t.Fatal(e)
	}
	want := `✗ 1 problem.
vps (agent), /home/me/sync

Folders
  shared/        1,200 files  5.0 MiB  up to date
  deliverables/  0 files      0 B      2 files to get, 2.0 KiB  1 conflict
  inbox/         0 files      0 B      error: no�marker

1 conflict
  "botsync conflicts" lists them, and says how to resolve them. Nothing is lost.

Devices
  laptop�[2J  ● connected, through a relay  lacks 1 file, 10 B
  日本        ○ not connected               seen 2 hours ago

Invites
  open until ` + Clock(st.Invites[0].ExpiresAt) + `  1:30 left  same network: works

Problems
  ✗ the disk is full
    Make room.
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err.Len() > 0 {
		t.Errorf("standard error is %q", err)
	}
}

// A terminal that is resized or small never sees a line wrap, nor a redrawn
// screen scroll.
func TestStatusFitsTheScreen(t *testing.T) {
	t.Parallel()
	st := &api.Status{State: api.StateRunning, Root: strings.Repeat("x", 300)}
	for range 50 {
		st.Peers = append(st.Peers, api.Peer{Device: api.Device{Name: strings.Repeat("ü", 100)}})
	}
	term := screen()
	out := new(strings.Builder)
	term.out.Writer = out
	if err := term.RedrawStatus(st, time.Now()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(ansi.Strip(out.String()), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines on a screen of 24", len(lines))
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > 80 {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

// What goes into a pipe is whole.
func TestNothingIsCutInAPipe(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	term, out, _ := pipes(Options{Env: utf8Env})
	if err := term.Status(&api.Status{State: api.StateRunning, Root: long, Peers: []api.Peer{{Device: api.Device{Name: long}}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := term.Notify(&api.NotifyStatus{Targets: []api.NotifyTargetStatus{{Name: "webhook", URL: long}}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), long); n != 3 {
		t.Errorf("%d of 3 are whole: %s", n, out)
	}
}

// Neither a pipe nor a file is a terminal, whatever the environment says.
func TestNoTerminalNoColour(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	term := New(f, f, Options{Env: append(utf8Env, "CLICOLOR_FORCE=1", "FORCE_COLOR=1", "COLORTERM=truecolor")})
	if term.Live() || term.LiveOutput() || term.OneScreen() {
		t.Error("a file is taken for a terminal")
	}
	term.Done("done")
	term.Warn("warned")
	data, err := os.ReadFile(f.Name())
	if err != nil || strings.Contains(string(data), "\x1b") || !strings.Contains(string(data), "warned") {
		t.Errorf("%q, %v", data, err)
	}
}

func TestSpinner(t *testing.T) {
	t.Parallel()
	term := screen()
	out := new(strings.Builder)
	term.err.Writer = out
	drawn := make(chan struct{}, 1)
	s := term.Spin(t.Context(), "")
	s.Count(func() string {
		select {
		case drawn <- struct{}{}:
		default:
		}
		return strings.Repeat("waiting ", 50)
	})
	<-drawn
	s.Stop()
	s.Stop()
	for line := range strings.SplitSeq(out.String(), eraseLine) {
		if w := ansi.StringWidth(line); w >= 80 || strings.Contains(line, "\n") {
			t.Errorf("a line of %d columns: %q", w, line)
		}
	}
	if !strings.HasSuffix(out.String(), eraseLine) {
		t.Errorf("the line was left standing: %q", out)
	}
	plain, _, err := pipes(Options{})
	p := plain.Spin(t.Context(), "not shown")
	p.Progress("shown")
	p.Stop()
	if err.String() != "shown\n" {
		t.Errorf("without a terminal: %q", err)
	}
}
