package daemon

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
)

func removeMember(t *testing.T, ms *members, id string) {
	t.Helper()
	if err := ms.learn(func(k network.Known) error {
		k.Remove(network.Removal{ID: id, RemovedBy: selfID, RemovedAt: time.Now()})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Whatever a member puts in the way, a removal is written for the others.
func TestRemovalIsWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"facts", "removed", "removed/" + phoneID + ".json/x"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ms := founded(t)
			admit(t, ms, phoneID, "phone")
			admit(t, ms, nasID, "nas")
			reread(t, ms)
			file := filepath.Join(ms.root.NetworkDir(), filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			removeMember(t, ms, phoneID)
			reread(t, ms)
			if err := ms.spread(phoneID); err != nil {
				t.Fatal(err)
			}
			if _, err := network.ParseRemoval(phoneID, mustRead(t, filepath.Join(ms.root.NetworkDir(), "removed", phoneID+".json"))); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A removal that cannot be written passes for one that is known here alone, and is
// tried again.
func TestUnwrittenRemoval(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	reread(t, ms)
	if _, some := ms.untilRewrite(time.Now()); some {
		t.Fatal("there is something to write")
	}
	// No temporary file can be made, as on a full disk.
	store := ms.store
	elsewhere := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removeMember(t, ms, phoneID)
	merged := network.Merge(ms.known, network.Seen{}, selfID)
	ms.store = network.NewStore(filepath.Join(elsewhere, "network"), nil)
	ms.disk.Lock()
	ms.write(merged, network.Seen{Paths: map[string]bool{}})
	ms.disk.Unlock()
	if ms.spread(phoneID) == nil {
		t.Fatal("it passes for written")
	}
	d := &daemon{members: ms}
	if wait := d.untilDue(); wait > rewriteEvery || wait < rewriteEvery/2 {
		t.Fatalf("it is tried again after %v", wait)
	}
	ms.store = store
	reread(t, ms)
	if err := ms.spread(phoneID); err != nil || d.untilDue() < time.Minute {
		t.Fatalf("once it can be written: %v", err)
	}
}

// Only a device that was seen to have everything was told.
func TestReceipts(t *testing.T) {
	t.Parallel()
	lacking := engine.Completion{Connected: true, Known: true, NeedItems: 1}
	complete := engine.Completion{Connected: true, Known: true}
	gone := engine.Completion{}
	for name, test := range map[string]struct {
		looks []engine.Completion
		want  bool
	}{
		"has all":                    {[]engine.Completion{lacking, complete}, true},
		"lacks it":                   {[]engine.Completion{lacking}, false},
		"goes when it has all":       {[]engine.Completion{complete, gone}, true},
		"goes before":                {[]engine.Completion{lacking, gone}, false},
		"was never there":            {[]engine.Completion{gone}, false},
		"comes back, and is unknown": {[]engine.Completion{complete, gone, {Connected: true}}, false},
	} {
		r, got := receipts{}, false
		for _, c := range test.looks {
			got = r.note(phoneID, c)
		}
		if got != test.want {
			t.Errorf("one that %s: told is %v", name, got)
		}
	}
}

// One that has taken this device out since it accepted it last has heard of it.
func TestDismissal(t *testing.T) {
	t.Parallel()
	d := &daemon{peers: newPeerWatch(), log: slog.New(slog.DiscardHandler)}
	for i, test := range []struct {
		does func()
		want bool
	}{
		{func() { d.peers.accept(phoneID) }, false},
		{func() { d.observe(engine.Event{Type: engine.PeerDisconnected, Peer: phoneID}) }, false},
		{func() { d.observe(engine.Event{Type: engine.PeerDisconnected, Peer: phoneID, Dismissed: true}) }, true},
		{func() { d.peers.connect(phoneID); d.peers.disconnect(phoneID) }, true},
		{func() { d.peers.accept(phoneID) }, false},
	} {
		test.does()
		if got := d.peers.isDismissed(phoneID); got != test.want {
			t.Fatalf("after %d: %v", i, got)
		}
	}
}

// Why a Syncthing cannot be added: it is out, or this device is.
func TestAddable(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	admit(t, ms, phoneID, "phone")
	removeMember(t, ms, phoneID)
	reread(t, ms)
	code := func(err error) string {
		var e *api.Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		return e.Code + ": " + e.Message
	}
	if err := ms.addable(nasID); err != nil {
		t.Fatal(err)
	}
	device := code(ms.addable(phoneID))
	removeMember(t, ms, selfID)
	reread(t, ms)
	if got := code(ms.addable(nasID)); got == device || got != code(errRemoved()) {
		t.Errorf("once this device is out: %s", got)
	}
	if err := ms.leave(true); err != nil {
		t.Fatal(err)
	}
	reread(t, ms)
	if got := code(ms.addable(nasID)); got != code(errNoNetwork()) {
		t.Errorf("without a network: %s", got)
	}
}
