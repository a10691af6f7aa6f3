package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// receiveOnly has the folder only receive, or send again.
func (b *brakeTest) receiveOnly(only bool) {
	b.Helper()
	b.settings.Folders = slices.Clone(b.settings.Folders)
	b.settings.Folders[0].ReceiveOnly = only
	if err := b.e.Apply(b.settings); err != nil {
		b.Fatal(err)
	}
}

// peerHas has a peer, who is not connected, and enters what this device has into the
// index of that.
func (b *brakeTest) peerHas() {
	b.Helper()
	peer := protocol.NewDeviceID([]byte("peer"))
	b.settings.Peers = []Peer{{ID: peer.String(), Name: "peer"}}
	if err := b.e.Apply(b.settings); err != nil {
		b.Fatal(err)
	}
	var files []protocol.FileInfo
	all, failed := b.e.db.below(brakeFolder, "")
	for f := range all {
		files = append(files, f)
	}
	// The type of its options cannot be named.
	update := reflect.ValueOf(b.e.db).MethodByName("Update")
	err, _ := update.Call([]reflect.Value{reflect.ValueOf(brakeFolder), reflect.ValueOf(peer), reflect.ValueOf(files)})[0].Interface().(error)
	if err := errors.Join(failed(), err); err != nil {
		b.Fatal(err)
	}
}

// move moves files while nobody looks, with the times that they have.
func (b *brakeTest) move(from, to int, there, here string) {
	b.Helper()
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{}
	for i := from; i < to; i++ {
		if err := os.Rename(filepath.Join(there, fmt.Sprint(i)), filepath.Join(here, fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
	<-turn
	b.look()
}

// told says of which of the files 0 to n the peers are told that they are gone or
// empty: that is what is valid in the index.
func (b *brakeTest) told(n int) (out []int) {
	b.Helper()
	for i := range n {
		f, ok, err := b.e.db.GetDeviceFile(brakeFolder, protocol.LocalDeviceID, fmt.Sprint(i))
		if err != nil || !ok {
			b.Fatalf("%d: %v, %v", i, ok, err)
		}
		if !f.IsInvalid() && !f.Version.IsEmpty() && (f.Deleted || f.Size == 0) {
			out = append(out, i)
		}
	}
	return out
}

// What is held is held still when the folder has only received for a while, whatever
// is killed meanwhile.
func TestHoldOutlivesReceiveOnly(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.peerHas()
	b.remove(0, 18)
	b.await("18 are held", held(18))
	if err := os.Truncate(filepath.Join(b.shared, "18"), 0); err != nil {
		t.Fatal(err)
	}
	b.look()
	b.await("19 are held", held(19))
	rests := func(files int) func(Brake, FolderStatus) bool {
		return func(s Brake, st FolderStatus) bool {
			return s.Held && s.Resting && !s.Judging && s.Files == files && len(st.Slips) >= files
		}
	}
	for range 2 {
		b.receiveOnly(true)
		b.await("it rests", rests(19))
		if _, err := b.e.Resume(b.ctx, brakeFolder, true); !errors.Is(err, ErrRests) {
			t.Fatalf("nobody can be told, but: %v", err)
		}
		b.reopen()
		b.await("it rests after a restart", rests(19))
		if s := KeptBrake(b.options.Dir, brakeFolder); !s.Held || !s.Resting {
			t.Errorf("kept: %+v", s)
		}
		b.receiveOnly(false)
		back := func(s Brake, _ FolderStatus) bool { return s.Held && !s.Resting && s.Files == 19 && s.Of == 40 }
		b.await("it is held again", back)
		b.reopen()
		b.await("it is held again after a restart", back)
		if told := b.told(40); len(told) > 0 {
			t.Fatalf("the peers are told of %v", told)
		}
	}

	// What comes back while the folder only receives is not held after that.
	b.receiveOnly(true)
	b.await("it rests", rests(19))
	b.write(10, 19)
	b.await("nine are back", rests(10))
	b.receiveOnly(false)
	b.await("ten are held", held(10))
	if r, err := b.e.Resume(b.ctx, brakeFolder, true); err != nil || r.Files != 10 || r.Left != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.await("they are told", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == BrakeAccepted && st.Files == 30 })
	if told := b.told(40); len(told) != 10 {
		t.Fatalf("the peers are told of %v", told)
	}
}

// A hold in a folder that only receives ends when all is back, or is undone; then
// nothing of it is left when the folder sends again.
func TestUndoInReceiveOnly(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.peerHas()
	b.move(0, 20, b.shared, filepath.Dir(b.shared))
	b.await("20 are held", held(20))
	b.receiveOnly(true)
	b.move(0, 20, filepath.Dir(b.shared), b.shared)
	b.await("all are back", func(s Brake, st FolderStatus) bool {
		return !s.Held && s.Outcome == BrakeReturned && len(st.Slips) == 0
	})
	b.receiveOnly(false)
	b.look() // after the scan with which the folder starts again
	b.await("nothing is held", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 40 })

	b.remove(0, 20)
	b.await("20 are held", held(20))
	b.receiveOnly(true)
	if err := os.WriteFile(filepath.Join(b.shared, "21"), []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := b.e.Resume(b.ctx, brakeFolder, false); err != nil || r.Files != 20 || r.Left != 0 || r.Why != nil || len(r.Lost) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.await("they come from the peer, and nothing else does", func(s Brake, st FolderStatus) bool {
		return !s.Held && s.Outcome == BrakeUndone && st.NeedItems == 20 && len(st.Slips) == 1
	})
	b.receiveOnly(false)
	b.look()
	b.await("nothing is held", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.NeedItems == 20 })
	if told := b.told(40); len(told) > 0 {
		t.Fatalf("the peers are told of %v", told)
	}
}

// What vanished while a folder only received is judged when it sends again.
func TestLossesOfReceiveOnly(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.peerHas()
	b.receiveOnly(true)
	for i := range 10 {
		b.remove(2*i, 2*i+2)
	}
	b.await("they do not travel", func(s Brake, st FolderStatus) bool { return !s.Held && len(st.Slips) == 20 })
	b.receiveOnly(false)
	b.await("they are held", func(s Brake, _ FolderStatus) bool { return s.Held && s.Files == 20 && s.Of == 40 && s.Passed == 0 })
	if told := b.told(40); len(told) > 0 {
		t.Fatalf("the peers are told of %v", told)
	}
}
