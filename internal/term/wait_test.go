package term

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

func TestLack(t *testing.T) {
	t.Parallel()
	laptop := api.Device{Name: "lap\x1b[31mtop", Role: api.RoleHuman}
	for want, l := range map[string]api.Lack{
		"has everything":        {},
		"lacks 1 file: inbox/a": {Files: 1, Names: []string{"inbox/a"}},
		"lacks 3 files, 2.0 KiB: a, b\ufffd, and 1 more": {Files: 3, Bytes: 2048, Names: []string{"a", "b\n"}},
		"lacks 1,200 files, 5 B; it is not connected":    {Files: 1200, Bytes: 5, Why: "it is not connected"},
		": it is not connected":                          {Why: "it is not connected"},
	} {
		l.Device = laptop
		if got := strings.TrimPrefix(strings.TrimPrefix(Lack(l), "lap\ufffd[31mtop (human)"), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Whatever a peer calls its files and itself, an event is one line.
func TestEventIsOneLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 8, 30, 0, 0, time.Local)
	hostile := "a\nb\x1b]0;title\x07\u202e"
	for kind, want := range map[string]string{
		api.EventFileReceived: "made", api.EventFileChanged: "made", api.EventPeerAdded: "belongs to the network",
		api.EventPeerConnected: "connected", api.EventPeerDisconnected: "disconnected", api.EventInviteOpened: "opened",
		api.EventInviteJoined: "joined", api.EventInviteExpired: "expired", api.EventFolderState: " is ",
		api.EventStopping: "stopping", "something new\n": "something new",
	} {
		var out, errs bytes.Buffer
		e := api.Event{Time: at, Type: kind, Action: api.ActionNew, Size: 7, Device: &api.Device{Name: hostile}, Folder: "inbox", Path: hostile, State: hostile}
		if err := New(&out, &errs, Options{}).Event(e); err != nil {
			t.Fatal(err)
		}
		line, rest, _ := strings.Cut(out.String(), "\n")
		if rest != "" || !strings.HasPrefix(line, "2026-11-22 08:30:00  ") || !strings.Contains(line, want) || Clean(line) != line {
			t.Errorf("%s: %q", kind, out.String())
		}
	}
	if got := eventLine(api.Event{Time: at, Type: api.EventFileReceived, Action: api.ActionDeleted, Folder: "inbox", Path: "a"}); !strings.HasSuffix(got, "a device that has left deleted inbox/a") {
		t.Errorf("%q", got)
	}
}
