package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// brakeTest is an engine with one folder that has a brake, and no peers: what
// those are told is what the index says.
type brakeTest struct {
	*testing.T
	ctx      context.Context
	e        *Engine
	options  Options
	settings Settings
	shared   string
}

const brakeFolder = "n-shared"

func newBrakeTest(t *testing.T) *brakeTest {
	dir := t.TempDir()
	identity, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b := &brakeTest{T: t, ctx: ctx, shared: filepath.Join(dir, "shared"), options: Options{Dir: filepath.Join(dir, "engine"), Identity: identity}}
	b.settings = Settings{Name: "me", LANOnly: true, Brake: BrakeLimits{Files: 10, Share: 0.33},
		Folders: []Folder{{ID: brakeFolder, Name: "shared", Path: b.shared, Brake: true}}}
	b.open()
	t.Cleanup(func() { _ = b.e.Close() })
	return b
}

func (b *brakeTest) open() {
	b.Helper()
	var err error
	if b.e, err = Open(b.ctx, b.options, b.settings); err != nil {
		b.Fatal(err)
	}
	b.look()
}

func (b *brakeTest) reopen() {
	b.Helper()
	if err := b.e.Close(); err != nil {
		b.Fatal(err)
	}
	b.open()
}

func (b *brakeTest) look() {
	b.Helper()
	if err := b.e.Look(b.ctx, brakeFolder); err != nil {
		b.Fatal(err)
	}
}

func (b *brakeTest) write(from, to int) {
	b.Helper()
	for i := from; i < to; i++ {
		if err := os.WriteFile(filepath.Join(b.shared, fmt.Sprint(i)), fmt.Append(nil, "number ", i), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.look()
}

// remove removes files while nobody looks, so that all are seen at once.
func (b *brakeTest) remove(from, to int) {
	b.Helper()
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{}
	for i := from; i < to; i++ {
		if err := os.Remove(filepath.Join(b.shared, fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
	<-turn
	b.look()
}

// await waits until the folder is as it is wanted; the index says so when nobody
// tells.
func (b *brakeTest) await(what string, wanted func(Brake, FolderStatus) bool) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := b.e.Folder(brakeFolder)
		brake := b.e.Brake(brakeFolder)
		if err == nil && wanted(brake, st) {
			return
		}
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.Fatalf("waited in vain for: %s: %+v, %+v, %v", what, brake, st, err)
		}
	}
}

func held(files int) func(Brake, FolderStatus) bool {
	return func(b Brake, _ FolderStatus) bool { return b.Held && b.Files == files }
}

// No more is held than a folder had, also if what vanished last came after the hold.
func TestHeldOfSoMany(t *testing.T) {
	if b := (brakeState{Files: 301, Of: 220}).brake(true); b.Of != 301 {
		t.Fatalf("%d of %d", b.Files, b.Of)
	}
}

func TestBrakeOfAnEngine(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)

	// Too many are held: the index has them still. Those that are back are not.
	b.remove(0, 20)
	b.await("20 are held", held(20))
	if st, err := b.e.Folder(brakeFolder); err != nil || st.Files != 40 {
		t.Fatalf("%+v, %v", st, err)
	}
	if s := b.e.Brake(brakeFolder); s.Of != 40 || s.Passed != 0 || s.Outcome != "" || !slices.Equal(s.Names, []string{"0", "1", "10", "11", "12"}) {
		t.Fatalf("%+v", s)
	}
	b.write(5, 20)
	b.await("5 are left of them", held(5))

	// Whoever asks for other files to go, and names what is lost, changes nothing.
	asked := []string{"0", "1", "2", "3", "4", "6"}
	done := b.e.ExpectLosses(brakeFolder, asked)
	b.look()
	done()
	b.look()
	b.await("5 are held as before", func(s Brake, st FolderStatus) bool { return s.Held && s.Files == 5 && st.Files == 40 })

	// One more is held as well, however few are left, and after a restart.
	b.remove(39, 40)
	b.await("6 are held", held(6))
	b.reopen()
	b.await("6 are held after a restart", held(6))
	if r, err := b.e.Resume(b.ctx, brakeFolder, true); err != nil || r.Files != 6 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.await("they are told", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == BrakeAccepted && st.Files == 34 })
	if r, err := b.e.Resume(b.ctx, brakeFolder, false); err != nil || r.Files != 0 {
		t.Fatalf("nothing is held, but %+v, %v", r, err)
	}

	// All that are back end it.
	b.remove(5, 30)
	b.await("25 are held", held(25))
	b.write(5, 30)
	b.await("it ends by itself", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == BrakeReturned && st.Files == 34 })

	// What somebody has asked for passes, and does not count after that.
	expected := make([]string, 0, 20)
	for i := 5; i < 25; i++ {
		expected = append(expected, fmt.Sprint(i))
	}
	done = b.e.ExpectLosses(brakeFolder, expected)
	b.remove(5, 25)
	done()
	b.await("what was expected passes", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 14 })
	b.remove(25, 26)
	b.await("so does the next", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 13 })

	// Without a brake nothing is held, and what was held is let go.
	b.remove(26, 39)
	b.await("all are held", held(13))
	b.settings.Brake.Off = true
	if err := b.e.Apply(b.settings); err != nil {
		t.Fatal(err)
	}
	b.look()
	b.await("all are told", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == brakeOff && st.Files == 0 })
}

// What cannot be brought back yet is held until it can be, and is never told.
func TestUndoIsTriedAgain(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{}
	for i := range 20 {
		if err := os.Truncate(filepath.Join(b.shared, fmt.Sprint(i)), 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := 20; i < 30; i++ {
		if err := os.Remove(filepath.Join(b.shared, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	<-turn
	b.look()
	b.await("30 are held", held(30))

	// There is no room for what might be written to the empty ones.
	emptied := filepath.Join(b.options.Dir, "emptied", brakeFolder)
	if err := errors.Join(os.MkdirAll(filepath.Dir(emptied), 0o700), os.WriteFile(emptied, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if r, err := b.e.Resume(b.ctx, brakeFolder, false); err != nil || r.Files != 30 || r.Left != 20 {
		t.Fatalf("%+v, %v", r, err)
	}
	still := func(s Brake, _ FolderStatus) bool { return s.Held && s.Deciding && s.Outcome == "" }
	b.await("20 are held still", still)
	b.reopen()
	b.await("20 are held after a restart", still)
	for i := range 20 {
		if f, ok, err := b.e.db.GetDeviceFile(brakeFolder, protocol.LocalDeviceID, fmt.Sprint(i)); err != nil || !ok || f.Size == 0 {
			t.Fatalf("the peers are told of %d: %v, %v, %v", i, f, ok, err)
		}
	}
	if err := os.Remove(emptied); err != nil {
		t.Fatal(err)
	}
	b.await("it is undone", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == BrakeUndone && st.Files == 10 })
}

// Whoever decides waits no longer than he wants to, and is told what is left; it is
// carried out all the same. Nothing is decided if it is not known what is missing.
func TestResumeReturnsInTime(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	b.remove(0, 20)
	b.await("20 are held", held(20))
	short := func() (Resumed, error) {
		ctx, cancel := context.WithTimeout(b.ctx, 200*time.Millisecond)
		defer cancel()
		return b.e.Resume(ctx, brakeFolder, true)
	}
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{} // somebody looks at the folder, and does not end
	b.e.brakes.mu.Lock()
	b.e.brakes.folders[brakeFolder].looked = false
	b.e.brakes.mu.Unlock()
	if r, err := short(); !errors.Is(err, context.DeadlineExceeded) || r.Files != 0 {
		t.Errorf("not looked at: %+v, %v", r, err)
	}
	b.e.brakes.mu.Lock()
	b.e.brakes.folders[brakeFolder].looked = true
	b.e.brakes.mu.Unlock()
	if s := b.e.Brake(brakeFolder); !s.Held || s.Deciding {
		t.Errorf("%+v", s)
	}
	for range 2 {
		if r, err := short(); err != nil || r.Files != 20 || r.Left != 20 || !errors.Is(r.Why, ErrBusy) {
			t.Errorf("busy: %+v, %v", r, err)
		}
	}
	<-turn
	b.await("it is carried out", func(s Brake, st FolderStatus) bool { return !s.Held && s.Outcome == BrakeAccepted && st.Files == 20 })
}

// A file that comes from a peer was not moved here, whoever the peer says has made it.
func TestWhatIsPulledIsNoArrival(t *testing.T) {
	b := newBrakeTest(t)
	made := func(name string) protocol.FileInfo {
		return protocol.FileInfo{Name: name, Size: 3, ModifiedBy: b.e.id.Short(), BlocksHash: []byte("contents of " + name),
			Version: protocol.Vector{Counters: []protocol.Counter{{ID: b.e.id.Short(), Value: 7}}}, Sequence: 1}
	}
	// It is what all devices are to have.
	if err := b.e.db.enter(brakeFolder, []protocol.FileInfo{made("pulled")}); err != nil {
		t.Fatal(err)
	}
	files := []protocol.FileInfo{made("pulled"), made("made here")}
	if got := b.e.pass(brakeFolder, files); len(got) != len(files) {
		t.Fatalf("%v pass", got)
	}
	b.e.brakes.mu.Lock()
	defer b.e.brakes.mu.Unlock()
	if got := b.e.brakes.arrivals.Contents(time.Now()); len(got) != 1 || got[contents(files[1])] != 1 {
		t.Errorf("arrived: %v", got)
	}
}

// A directory may be renamed as often as one likes; what is deleted then is held.
func TestRenamedMoreThanOnce(t *testing.T) {
	b := newBrakeTest(t)
	names := []string{"a", "b", "c", "d", "e"}
	if err := os.Mkdir(filepath.Join(b.shared, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if err := os.WriteFile(filepath.Join(b.shared, "a", fmt.Sprint(i)), fmt.Append(nil, "number ", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b.look()
	turn := b.e.turns.of(brakeFolder)
	for i, to := range names[1:] {
		turn <- struct{}{}
		if err := os.Rename(filepath.Join(b.shared, names[i]), filepath.Join(b.shared, to)); err != nil {
			t.Fatal(err)
		}
		<-turn
		b.look()
		b.await("it is told that the files are in "+to, func(s Brake, st FolderStatus) bool {
			if s.Held {
				t.Fatalf("%d of %d files are held in %s", s.Files, s.Of, to)
			}
			return !s.Judging && st.Files == 40
		})
	}
	turn <- struct{}{}
	if err := os.RemoveAll(filepath.Join(b.shared, "e")); err != nil {
		t.Fatal(err)
	}
	<-turn
	b.look()
	b.await("they are held", held(40))
}

// What was moved before is not said to have been deleted before, also after a restart.
func TestMovedBeforeItWasHeld(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{}
	for i := range 12 {
		if err := os.Rename(filepath.Join(b.shared, fmt.Sprint(i)), filepath.Join(b.shared, fmt.Sprint("moved", i))); err != nil {
			t.Fatal(err)
		}
	}
	<-turn
	b.look()
	b.await("they are moved", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 40 })
	b.remove(12, 15)
	b.await("three pass", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 37 })
	b.remove(15, 35)
	told := func(s Brake, _ FolderStatus) bool { return s.Held && s.Files == 20 && s.Passed == 15 && s.Gone == 3 }
	b.await("three of those before are gone", told)
	b.reopen()
	b.await("so they are after a restart", told)
}

// What passed before a restart counts after it.
func TestSlowLossesAcrossRestarts(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 30)
	for i := range 5 {
		b.remove(2*i, 2*i+2)
		b.await("they pass", func(s Brake, st FolderStatus) bool { return !s.Held && !s.Judging && st.Files == 30-2*i-2 })
	}
	b.reopen()
	b.await("they are remembered", func(Brake, FolderStatus) bool {
		b.e.brakes.mu.Lock()
		defer b.e.brakes.mu.Unlock()
		return b.e.brakes.folders[brakeFolder].Passed() == 10
	})
	b.remove(10, 12)
	b.await("two are held, ten were told", func(s Brake, st FolderStatus) bool { return s.Held && s.Files == 2 && s.Passed == 10 && st.Files == 20 })

	// If it is not known whether the folder is held, it is.
	if err := b.e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.e.brakePath(brakeFolder), []byte(`{"since":`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.await("it is held still", held(2))
	// What is left over of a folder that is none any more goes.
	b.settings.Folders = nil
	path := b.e.brakePath(brakeFolder)
	if err := b.e.Apply(b.settings); err != nil {
		t.Fatal(err)
	}
	if s := b.e.Brake(brakeFolder); s.Held || !s.Since.IsZero() {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("what was kept of it: %v", err)
	}
}

func TestAddFirst(t *testing.T) {
	t.Parallel()
	var got []string
	for _, name := range []string{"g", "c", "a", "f", "h", "b", "e", "d"} {
		got = addFirst(got, name)
	}
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
