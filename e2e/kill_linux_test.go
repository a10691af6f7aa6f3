package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// Both daemons are killed at any moment, again and again, while files are made,
// written over, renamed and deleted on both sides. That costs nothing: no file
// is ever seen in part, none goes away while it is replaced, nobody announces
// what he did not do, and in the end both have what was written last.
func TestKillsCostNothing(t *testing.T) {
	t.Parallel()
	seed := botsynctest.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	agent, laptop := pair(t)
	release(agent, laptop)
	sides := []*botsynctest.Node{agent, laptop}
	var authors []*author
	for i, n := range sides {
		authors = append(authors, newAuthor(t, n, seed, uint64(i+1)))
	}
	awaitSame(t, agent, laptop)

	done := make(chan struct{})
	readersDone := make(chan struct{})
	var actors, readers sync.WaitGroup
	for i, a := range authors {
		there := filepath.Join(sides[1-i].Path("shared"), filepath.Base(a.dir))
		actors.Go(func() { a.write(done) })
		readers.Go(func() { readWhole(t, there, readersDone) })
		vanished := watchSteady(t, there)
		t.Cleanup(vanished)
	}
	kills := botsynctest.AtLeast(t, killsEnv, 14)
	for i := range kills {
		// Only what is connected has something to lose.
		beacon := fmt.Sprint("shared/beacon ", i)
		agent.Write(beacon, beacon)
		laptop.AwaitFile(beacon, beacon)
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond) // when the kill comes is what is random here
		killed := [][]*botsynctest.Node{{agent}, {laptop}, {laptop}, {agent, laptop}}[random.IntN(4)]
		for _, n := range killed {
			n.Kill()
		}
		for _, n := range killed {
			n.Must("start")
		}
	}
	close(done)
	actors.Wait()
	awaitSame(t, agent, laptop)
	close(readersDone)
	readers.Wait()

	written := 0
	for i, a := range authors {
		written += a.steps
		a.check(t, sides)
		onlyBy(t, sides, i)
	}
	for _, n := range sides {
		for _, f := range n.Status().Folders {
			if f.Conflicts > 0 {
				t.Errorf("%s: %d conflicts in %s", n.Name, f.Conflicts, f.Name)
			}
		}
	}
	t.Logf("%d kills, %d changes", kills, written)
}

// author changes files that nobody else changes. Those whose names begin with
// steady are written over and never away.
type author struct {
	*rand.Rand
	dir, temp string
	content   map[string]string // what each file has, which was written to its end
	steps     int
	err       error
}

func newAuthor(t *testing.T, n *botsynctest.Node, seed, stream uint64) *author {
	t.Helper()
	a := &author{Rand: rand.New(rand.NewPCG(seed, stream)), dir: n.Path("shared", "by "+n.Name), temp: n.Path("temp"), content: map[string]string{}}
	must(t, os.Mkdir(a.dir, 0o755))
	for i := range 4 {
		a.put(fmt.Sprint("steady", i), false)
	}
	must(t, a.err)
	return a
}

func (a *author) write(done <-chan struct{}) {
	for {
		a.step()
		select {
		case <-done:
			return
		case <-time.After(time.Duration(a.IntN(6)) * time.Millisecond):
		}
	}
}

func (a *author) step() {
	a.steps++
	loose := func() string { return fmt.Sprint("loose", a.IntN(8)) }
	switch a.IntN(10) {
	case 0, 1, 2, 3:
		a.put(fmt.Sprint("steady", a.IntN(4)), a.IntN(2) == 0)
	case 4, 5, 6:
		a.put(loose(), a.IntN(2) == 0)
	case 7, 8:
		from, to := loose(), loose()
		if content, ok := a.content[from]; ok && from != to {
			a.fails(os.Rename(filepath.Join(a.dir, from), filepath.Join(a.dir, to)))
			delete(a.content, from)
			a.content[to] = content
		}
	case 9:
		name := loose()
		if _, ok := a.content[name]; ok {
			a.fails(os.Remove(filepath.Join(a.dir, name)))
			delete(a.content, name)
		}
	}
}

// put writes a file, at its place or elsewhere, to be renamed then.
func (a *author) put(name string, elsewhere bool) {
	content := seal(noise(a.IntN([]int{1, 2000, 2000, 300_000, 2 << 20}[a.IntN(5)]) + 1))
	file := filepath.Join(a.dir, name)
	if elsewhere {
		a.fails(os.WriteFile(a.temp, []byte(content), 0o644))
		a.fails(os.Rename(a.temp, file))
	} else {
		f, err := os.Create(file)
		a.fails(err)
		for i := 0; i < len(content); i += len(content)/3 + 1 { // slowly
			_, err := f.WriteString(content[i:min(len(content), i+len(content)/3+1)])
			a.fails(err)
			time.Sleep(time.Duration(a.IntN(3)) * time.Millisecond) // a writer that takes its time
		}
		a.fails(f.Close())
	}
	a.content[name] = content
}

func (a *author) fails(err error) {
	if err != nil && a.err == nil {
		a.err = err
	}
}

// check holds both sides against what was written.
func (a *author) check(t *testing.T, sides []*botsynctest.Node) {
	t.Helper()
	must(t, a.err)
	for _, n := range sides {
		dir := n.Path("shared", filepath.Base(a.dir))
		entries, err := os.ReadDir(dir)
		must(t, err)
		var names []string
		for _, e := range entries {
			if temporary(e.Name()) {
				continue
			}
			names = append(names, e.Name())
			if data, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || string(data) != a.content[e.Name()] {
				t.Errorf("%s: %s is not what was written last: %v", dir, e.Name(), err)
			}
		}
		if want := slices.Sorted(maps.Keys(a.content)); !slices.Equal(names, want) {
			t.Errorf("%s has %q, want %q", dir, names, want)
		}
	}
}

// seal puts a checksum before a text, so that half of it can be told.
func seal(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) + string(data)
}

func sealed(data []byte) bool {
	const size = 2 * sha256.Size
	return len(data) >= size && seal(data[size:]) == string(data)
}

// temporary reports whether a name is one that Syncthing gives to what it has a
// part of. After a kill it keeps that for a day, to go on from there.
func temporary(name string) bool { return strings.HasPrefix(name, ".syncthing.") }

// readWhole reads all files of a directory, over and over, and all of each has
// to be there.
func readWhole(t *testing.T, dir string, done <-chan struct{}) {
	for seen := map[string]bool{}; ; {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range entries {
			if temporary(e.Name()) {
				continue
			}
			if data, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && !sealed(data) && !seen[string(data)] {
				seen[string(data)] = true
				t.Errorf("%s was seen with %d bytes, which are not all", e.Name(), len(data))
			}
		}
		select {
		case <-done:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// watchSteady asks the system to tell of each steady file that goes away, if
// only for a moment. The function that it returns ends that, and says what it
// was.
func watchSteady(t *testing.T, dir string) func() {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	must(t, err)
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_DELETE|unix.IN_MOVED_FROM)
	must(t, err)
	file := os.NewFile(uintptr(fd), "inotify")
	gone := map[string]int{}
	var reader sync.WaitGroup
	reader.Go(func() {
		for buf := make([]byte, 64<<10); ; {
			n, err := file.Read(buf)
			if err != nil {
				return
			}
			for data := buf[:n]; len(data) > 0; {
				// struct inotify_event of inotify(7): wd, mask, cookie, len, name
				mask, length := binary.NativeEndian.Uint32(data[4:]), binary.NativeEndian.Uint32(data[12:])
				name, _, _ := bytes.Cut(data[unix.SizeofInotifyEvent:][:length], []byte{0})
				data = data[unix.SizeofInotifyEvent+length:]
				if !bytes.HasPrefix(name, []byte("steady")) {
					continue
				}
				// What changes places with another file is moved away, too.
				_, err := os.Lstat(filepath.Join(dir, string(name)))
				if mask&unix.IN_DELETE != 0 || err != nil {
					gone[string(name)]++
				}
			}
		}
	})
	return func() {
		file.Close()
		reader.Wait()
		if len(gone) > 0 {
			t.Errorf("%s: files went away while they were replaced, so often: %v", dir, gone)
		}
	}
}

// onlyBy holds the logs of both sides against who did what: nobody but the author
// has changed or deleted his files.
func onlyBy(t *testing.T, sides []*botsynctest.Node, i int) {
	t.Helper()
	author := sides[i].Name
	for _, n := range sides {
		strange := map[string]bool{}
		told := strings.SplitAfter(n.Must("log", "--json", "--path", "shared/by "+author, "--since", "0", "--limit", "0").Stdout, "\n")
		events := make([]api.Event, len(told)-1)
		for i := range events {
			must(t, json.Unmarshal([]byte(told[i]), &events[i]))
			if e := events[i]; e.Device == nil || e.Device.Name != author {
				strange[e.Path] = true
			}
		}
		for i, e := range events {
			if strange[e.Path] {
				t.Log(told[i])
			}
		}
		if len(strange) > 0 {
			t.Errorf("the log of %s tells of changes of %s's files that %s did not make: %v", n.Name, author, author, slices.Sorted(maps.Keys(strange)))
		}
	}
}
