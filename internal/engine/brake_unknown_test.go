package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// dropPeer has the index of the peer be gone, as while it is made anew, until back is
// called.
func (b *brakeTest) dropPeer() (back func()) {
	b.Helper()
	peer := protocol.NewDeviceID([]byte("peer"))
	var files []protocol.FileInfo
	all, failed := b.e.db.AllLocalFilesWithPrefix(brakeFolder, peer, "")
	for f := range all {
		files = append(files, f)
	}
	if err := failed(); err != nil || len(files) == 0 {
		b.Fatalf("the peer has %d files, %v", len(files), err)
	}
	drop, _ := b.e.db.(interface {
		DropAllFiles(string, protocol.DeviceID) error
	})
	if err := drop.DropAllFiles(brakeFolder, peer); err != nil {
		b.Fatal(err)
	}
	return func() {
		// The type of its options cannot be named.
		update := reflect.ValueOf(b.e.db).MethodByName("Update")
		if err, _ := update.Call([]reflect.Value{reflect.ValueOf(brakeFolder), reflect.ValueOf(peer), reflect.ValueOf(files)})[0].Interface().(error); err != nil {
			b.Fatal(err)
		}
	}
}

// recheck has the disk and the index be asked at once for what is held.
func (b *brakeTest) recheck() {
	b.Helper()
	br := b.e.brakes.of(brakeFolder)
	b.e.brakes.mu.Lock()
	br.checked, br.pause = time.Time{}, time.Time{}
	b.e.brakes.mu.Unlock()
	b.e.brakes.nudge()
	b.await("it is looked at again", func(Brake, FolderStatus) bool {
		b.e.brakes.mu.Lock()
		defer b.e.brakes.mu.Unlock()
		return !br.checked.IsZero() && !br.busy
	})
}

func (b *brakeTest) empty(from, to int) {
	b.Helper()
	for i := from; i < to; i++ {
		if err := os.WriteFile(filepath.Join(b.shared, fmt.Sprint(i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.look()
}

// A hold in a folder that only receives does not end because the index of the peer
// is not there for a moment.
func TestHoldWithoutTheIndexOfThePeer(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.peerHas()
	b.remove(0, 15)
	b.await("15 are held", held(15))
	b.receiveOnly(true)
	b.empty(15, 20)
	rests := func(s Brake, _ FolderStatus) bool { return s.Held && s.Resting && s.Files == 20 }
	b.recheck()
	b.await("it rests", rests)

	back := b.dropPeer()
	for range 2 {
		b.recheck()
		if s := b.e.Brake(brakeFolder); !s.Held || s.Files != 20 {
			t.Fatalf("without the index of the peer: %+v", s)
		}
		b.look() // which finds that all of it is nobody else's
	}
	back()
	b.recheck()
	b.await("it rests still", rests)
	b.receiveOnly(false)
	b.await("it is held again", held(20))
	if told := b.told(40); len(told) > 0 {
		t.Fatalf("the peers are told of %v", told)
	}
}

// What was emptied while a folder only received is judged also if the index of the
// peer is not there when it sends again; what was never more than empty is not.
func TestEmptiedWithoutTheIndexOfThePeer(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.peerHas()
	b.receiveOnly(true)
	b.empty(40, 51)
	b.receiveOnly(false)
	b.look()
	b.await("empty files are new", func(s Brake, st FolderStatus) bool {
		return !s.Held && !s.Judging && len(st.Slips) == 0 && st.Files == 51
	})

	b.receiveOnly(true)
	b.empty(0, 30)
	b.await("they do not travel", func(s Brake, st FolderStatus) bool { return !s.Held && len(st.Slips) == 30 })
	back := b.dropPeer()
	b.receiveOnly(false)
	b.look()
	b.await("they are held", held(30))
	if told := b.told(40); len(told) > 0 {
		t.Fatalf("the peers are told of %v", told)
	}
	back()
	b.recheck()
	if s := b.e.Brake(brakeFolder); !s.Held || s.Files != 30 {
		t.Fatalf("with the index of the peer: %+v", s)
	}
}
