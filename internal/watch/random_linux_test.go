package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/botsynctest"
)

// model is what a reader knows of a tree who looks at nothing but what is
// reported: path → what is there.
type model struct {
	root  string
	tree  *Tree
	known map[string]string
}

// look does what a Change says, and no more.
func (m *model) look(c Change) {
	now := m.read(c.Path)
	if now == "" {
		delete(m.known, c.Path)
	} else {
		m.known[c.Path] = now
	}
	below := c.Path + "/"
	if c.Path == Root {
		below = ""
	}
	if c.Deep || !strings.HasPrefix(now, "dir") {
		for p := range m.known {
			if strings.HasPrefix(p, below) && p != c.Path {
				delete(m.known, p)
			}
		}
	}
	if c.Deep {
		for p, is := range m.all(c.Path) {
			m.known[p] = is
		}
	}
}

// read says what is at a path, without what is below; empty if there is nothing
// or if it is reached through a symbolic link.
func (m *model) read(p string) string {
	for dir := filepath.Dir(p); dir != Root; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(filepath.Join(m.root, dir)); err != nil || !info.IsDir() {
			return ""
		}
	}
	file := filepath.Join(m.root, p)
	info, err := os.Lstat(file)
	if err != nil {
		return ""
	}
	switch {
	case info.IsDir():
		return fmt.Sprint("dir ", info.Mode())
	case info.Mode()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(file)
		return "link " + to
	}
	data, _ := os.ReadFile(file)
	return fmt.Sprint("file ", info.Mode(), info.ModTime().UnixNano(), len(data), string(data[:min(len(data), 40)]))
}

// all reads all below a directory. It lists as the engine does: what it finds in
// a directory it looks at when the watch has caught up.
func (m *model) all(top string) map[string]string {
	out := map[string]string{}
	if is := m.read(top); is != "" && top != Root {
		out[top] = is
	}
	m.list(top, out)
	return out
}

func (m *model) list(dir string, out map[string]string) {
	if dir != Root && !strings.HasPrefix(m.read(dir), "dir") {
		return
	}
	entries, _ := os.ReadDir(filepath.Join(m.root, dir))
	m.tree.Unfinished(dir)
	for _, e := range entries {
		p := join(dir, e.Name())
		is := m.read(p)
		if is == "" {
			continue
		}
		out[p] = is
		if strings.HasPrefix(is, "dir") {
			m.list(p, out)
		}
	}
}

// await looks at what is reported until nothing is missing.
func (m *model) await(t *testing.T, q *Queue) {
	t.Helper()
	delete(m.known, Root)
	if maps.Equal(m.known, m.all(Root)) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := q.Deliver(ctx, time.Millisecond, func(_ context.Context, changes []Change) error {
		for _, c := range changes {
			m.look(c)
		}
		delete(m.known, Root)
		if maps.Equal(m.known, m.all(Root)) {
			cancel()
		}
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		want := m.all(Root)
		for p, is := range want {
			if m.known[p] != is {
				t.Errorf("%s: have %q, want %q", p, m.known[p], is)
			}
		}
		for p := range m.known {
			if want[p] == "" {
				t.Errorf("%s is not there any more", p)
			}
		}
		t.Fatal("something was missed")
	}
}

// chaos changes a tree in every way, by its own.
type chaos struct {
	*rand.Rand
	root, outside string
	held          []*os.File
	n             int
}

func (c *chaos) pick() string {
	names := []string{"a", "b", "c", "d"}
	p := c.root
	for range 1 + c.IntN(4) {
		p = filepath.Join(p, names[c.IntN(len(names))])
	}
	return p
}

// step changes something, or fails to: what is not possible is no change.
func (c *chaos) step() {
	c.n++
	p, q := c.pick(), c.pick()
	data := fmt.Appendf(nil, "%d by %p", c.n, c)
	switch c.IntN(22) {
	case 0, 1, 2, 3:
		_ = os.WriteFile(p, data, 0o644)
	case 4, 5:
		if f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, _ = f.Write(data)
			f.Close()
		}
	case 6:
		if f, err := os.OpenFile(p, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			_, _ = f.Write(data)
			c.held = append(c.held, f)
		}
	case 7:
		c.release(c.IntN(len(c.held) + 1))
	case 8, 9:
		_ = os.MkdirAll(p, 0o755)
	case 10:
		if os.MkdirAll(filepath.Join(p, "x", "y"), 0o755) == nil {
			_ = os.WriteFile(filepath.Join(p, "x", "y", "new"), data, 0o644)
		}
	case 11, 12, 13:
		_ = os.Rename(p, q)
	case 14:
		_ = os.RemoveAll(p)
	case 15:
		_ = os.Remove(p)
		_ = os.Symlink(filepath.Base(q), p)
	case 16:
		_ = os.Link(p, q)
	case 17:
		_ = os.Truncate(p, int64(c.IntN(5)))
	case 18:
		if info, err := os.Lstat(p); err == nil && info.Mode()&fs.ModeSymlink == 0 {
			_ = os.Chmod(p, []os.FileMode{0o700, 0o755, 0o744}[c.IntN(3)])
		}
	case 19: // out of the tree and in again, whole
		away := filepath.Join(c.outside, fmt.Sprint(c.n))
		if os.Rename(p, away) == nil {
			_ = os.WriteFile(filepath.Join(away, "while away"), data, 0o644)
			_ = os.MkdirAll(filepath.Join(away, "dir while away"), 0o755)
			if c.IntN(2) == 0 {
				_ = os.Rename(away, q)
				_ = os.WriteFile(filepath.Join(q, "dir while away", "after"), data, 0o644)
			}
		}
	case 20: // a file in the place of a directory, a directory in that of a file
		if info, err := os.Lstat(p); err == nil {
			_ = os.RemoveAll(p)
			if info.IsDir() {
				_ = os.WriteFile(p, data, 0o644)
			} else if os.Mkdir(p, 0o755) == nil {
				_ = os.WriteFile(filepath.Join(p, "in"), data, 0o644)
			}
		}
	case 21:
		_ = unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, q, unix.RENAME_EXCHANGE)
	}
}

func (c *chaos) release(n int) {
	for _, f := range c.held[:n] {
		_, _ = f.WriteString("end")
		f.Close()
	}
	c.held = c.held[n:]
}

// watched is a tree with a watch, and its model.
func watched(t *testing.T) (*Watcher, *Tree, *Queue, *model) {
	t.Helper()
	w, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	m := &model{root: t.TempDir(), known: map[string]string{}}
	q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
	tree, err := w.Add(m.root, nil, q)
	if err != nil {
		t.Fatal(err)
	}
	m.tree = tree
	return w, tree, q, m
}

// run lets several programs change the tree at the same time.
func run(t *testing.T, root string, steps int) {
	t.Helper()
	outside := t.TempDir() // on the same disk
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for i := range uint64(3) {
		c := &chaos{Rand: rand.New(rand.NewPCG(seed, i)), root: root, outside: outside}
		all.Go(func() {
			for range steps {
				c.step()
			}
			c.release(len(c.held))
		})
	}
	all.Wait()
}

// Whatever happens, who looks at what is reported knows in the end what is there.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	_, tree, q, m := watched(t)
	for range 5 {
		changed := make(chan struct{})
		go func() {
			defer close(changed)
			run(t, m.root, 700)
		}()
		// The reader is at work all the while, and has to be: a look that comes late
		// hides what was missed.
		reading, stop := context.WithCancel(t.Context())
		go func() {
			<-changed
			stop()
		}()
		_ = q.Deliver(reading, time.Millisecond, func(_ context.Context, changes []Change) error {
			for _, c := range changes {
				m.look(c)
			}
			return nil
		})
		<-changed
		m.await(t, q)
	}
	forgotten := func() bool {
		tree.w.mu.Lock()
		defer tree.w.mu.Unlock()
		return len(tree.w.writes.files) == 0 && len(tree.w.lost) == 0
	}
	botsynctest.AwaitFor(t, 20*time.Second, "no file is taken to be open, and no directory kept that is gone", forgotten)
	dirs := 1
	for _, is := range m.all(Root) {
		if strings.HasPrefix(is, "dir") {
			dirs++
		}
	}
	tree.w.mu.Lock()
	defer tree.w.mu.Unlock()
	if n := len(tree.w.dirs); n != dirs {
		t.Errorf("%d directories are watched, of %d", n, dirs)
	}
}

// While nothing is read, more happens than the queue holds.
func TestNothingIsMissedAfterAnOverflow(t *testing.T) {
	t.Parallel()
	w, tree, q, m := watched(t)
	run(t, m.root, 300)
	m.await(t, q)
	w.mu.Lock()
	overflowed := w.turn
	// Bounded, for a machine with a very long queue.
	for i := 0; i < 200_000 && !w.full(t); i += 100 {
		for j := range 100 {
			must(t, os.WriteFile(filepath.Join(m.root, fmt.Sprint("flood ", j%2)), nil, 0o644))
		}
	}
	run(t, m.root, 300)
	w.mu.Unlock()
	run(t, m.root, 300)
	m.await(t, q)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.turn == overflowed {
		t.Error("nothing overflowed")
	}
	_ = tree
}

// full reports whether the kernel's queue holds as many events as it may.
func (w *Watcher) full(t *testing.T) bool {
	t.Helper()
	var limit, bytes int
	data, err := os.ReadFile(limits + "max_queued_events")
	must(t, err)
	_, err = fmt.Sscan(string(data), &limit)
	must(t, err)
	conn, err := w.file.SyscallConn()
	must(t, err)
	must(t, conn.Control(func(fd uintptr) { bytes, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }), err)
	return bytes > limit*(unix.SizeofInotifyEvent+16)
}

// Without watches enough, changes are found by reading everything now and then;
// and when there are enough again, by themselves.
func TestNothingIsMissedAfterTheLimit(t *testing.T) {
	t.Parallel()
	w, tree, q, m := watched(t)
	real, left := w.add, 5
	w.mu.Lock()
	w.add = func(path string, mask uint32) (int, error) {
		wd, err := real(path, mask)
		if w.dirs[int32(wd)] != nil || err != nil {
			return wd, err // watching the same directory again takes no further watch
		}
		if left == 0 {
			w.drop(&dir{wd: int32(wd)})
			return 0, unix.ENOSPC
		}
		left--
		return wd, nil
	}
	w.mu.Unlock()
	run(t, m.root, 500)
	for i := range 10 {
		must(t, os.Mkdir(filepath.Join(m.root, fmt.Sprint("more ", i)), 0o755))
	}
	tree.Reread()
	m.await(t, q)
	if l := tree.Limit(); l == nil || l.Setting != "fs.inotify.max_user_watches" || l.Need < 128 {
		t.Fatalf("limit is %+v", l)
	}
	w.mu.Lock()
	w.add = real
	w.mu.Unlock()
	tree.Reread()
	if l := tree.Limit(); l != nil {
		t.Fatalf("limit is %v", l)
	}
	m.await(t, q)
	run(t, m.root, 500)
	m.await(t, q)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
