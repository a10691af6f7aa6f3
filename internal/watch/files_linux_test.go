package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// awaitChange waits until a path is reported, and returns what came until then.
func awaitChange(t *testing.T, q *Queue, p string) []Change {
	t.Helper()
	var all []Change
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_ = q.Deliver(ctx, time.Second, func(_ context.Context, changes []Change) error {
		all = append(all, changes...)
		if slices.ContainsFunc(changes, func(c Change) bool { return c.Path == p }) {
			cancel()
		}
		return nil
	})
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatalf("%s was not reported, but %v", p, all)
	}
	return all
}

func reported(changes []Change, p string) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Path == p })
}

// A file is not reported before it is closed, nor is it to be seen by those who
// list its directory.
func TestAnOpenFileIsUnfinished(t *testing.T) {
	t.Parallel()
	_, tree, q, m := watched(t)
	must(t, os.Mkdir(filepath.Join(m.root, "new"), 0o755))
	f, err := os.Create(filepath.Join(m.root, "new", "f"))
	must(t, err)
	if got := tree.Unfinished("new"); !got["f"] || len(got) != 1 {
		t.Errorf("unfinished are %v", got)
	}
	_, err = f.WriteString("half of it")
	must(t, err, os.WriteFile(filepath.Join(m.root, "other"), nil, 0o644))
	if got := awaitChange(t, q, "other"); reported(got, "new/f") {
		t.Errorf("reported %v", got)
	}
	// It stays so after its directory, and the file itself, are renamed.
	must(t, os.Rename(filepath.Join(m.root, "new"), filepath.Join(m.root, "moved")))
	must(t, os.Rename(filepath.Join(m.root, "moved", "f"), filepath.Join(m.root, "moved", "g")))
	if got := tree.Unfinished("moved"); !got["g"] || len(got) != 1 {
		t.Errorf("unfinished are %v", got)
	}
	awaitChange(t, q, "moved")
	must(t, f.Close())
	awaitChange(t, q, "moved/g")
	if got := tree.Unfinished("moved"); len(got) > 0 {
		t.Errorf("unfinished are %v", got)
	}
}

// A file that is being written when the watch begins, or when its directory is
// moved in, is unfinished as well.
func TestAnOpenFileIsRecognized(t *testing.T) {
	t.Parallel()
	w, _, _, _ := watched(t)
	root, outside := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(root, "f"))
	must(t, err)
	defer f.Close()
	must(t, os.Mkdir(filepath.Join(outside, "d"), 0o755))
	g, err := os.Create(filepath.Join(outside, "d", "g"))
	must(t, err)
	tree, err := w.Add(root, nil, NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax}))
	must(t, err)
	if got := tree.Unfinished(Root); !got["f"] {
		t.Errorf("unfinished are %v", got)
	}
	must(t, os.Rename(filepath.Join(outside, "d"), filepath.Join(root, "d")))
	if got := tree.Unfinished("d"); !got["g"] {
		t.Errorf("unfinished are %v", got)
	}
	awaitChange(t, tree.queue, "d")
	must(t, g.Close())
	awaitChange(t, tree.queue, "d/g")
}

// What appears without anybody closing it is reported all the same.
func TestLinksAreReported(t *testing.T) {
	t.Parallel()
	_, _, q, m := watched(t)
	away := filepath.Join(t.TempDir(), "away")
	must(t, os.WriteFile(away, nil, 0o644))
	in := func(name string) string { return filepath.Join(m.root, name) }
	must(t, os.Link(away, in("hard")))
	awaitChange(t, q, "hard")
	must(t, os.Symlink("nowhere", in("symbolic")))
	awaitChange(t, q, "symbolic")
	must(t, os.Truncate(in("hard"), 100))
	awaitChange(t, q, "hard")
	fd, err := unix.Open(m.root, unix.O_TMPFILE|unix.O_WRONLY, 0o644)
	must(t, err)
	must(t, unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, in("unnamed before"), unix.AT_SYMLINK_FOLLOW))
	must(t, unix.Close(fd))
	awaitChange(t, q, "unnamed before")
}

// An event that is read late may be about a file in whose place there is a
// directory by now. That is not hidden, and all in it is looked at.
func TestADirectoryIsNeverUnfinished(t *testing.T) {
	t.Parallel()
	w, tree, q, m := watched(t)
	must(t, os.Mkdir(filepath.Join(m.root, "d"), 0o755))
	awaitChange(t, q, "d")
	w.mu.Lock()
	w.writes.Written(entry{tree.top, "d"}, time.Now())
	w.schedule()
	w.mu.Unlock()
	if got := tree.Unfinished(Root); len(got) > 0 {
		t.Errorf("unfinished are %v", got)
	}
	if got := awaitChange(t, q, "d"); !slices.Contains(got, Change{Path: "d", Deep: true}) {
		t.Errorf("reported %v", got)
	}
}

// Whoever has read a file can tell whether it was all of it.
func TestFinished(t *testing.T) {
	t.Parallel()
	_, tree, q, m := watched(t)
	path := filepath.Join(m.root, "f")
	finished := func() bool {
		info, err := os.Stat(path)
		must(t, err)
		return tree.Finished("f", info.ModTime())
	}
	must(t, os.WriteFile(path, []byte("x"), 0o644))
	awaitChange(t, q, "f")
	if !finished() {
		t.Error("a file that is closed is not finished")
	}
	// inotify tells nothing of a file that is open and not written to yet.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	if finished() {
		t.Error("a file that somebody is about to write is finished")
	}
	_, err = f.WriteString("half")
	if must(t, err); finished() {
		t.Error("a file that somebody writes is finished")
	}
	must(t, f.Close())
	awaitChange(t, q, "f")
	if !finished() {
		t.Error("a file that was closed is not finished")
	}
	// A database is open all the time.
	db, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer db.Close()
	old := time.Now().Add(-2 * fresh)
	must(t, os.Chtimes(path, old, old))
	if awaitChange(t, q, "f"); !finished() {
		t.Error("a file that was not written to for long is not finished")
	}
	if !tree.Finished("nowhere/f", time.Now()) {
		t.Error("what is not watched is never finished")
	}
}

// The others are reported also if that name is gone before anybody could look.
func TestAllNamesAreReportedThoughOneIsGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(dir, outside string) error{
		"removed":  func(dir, _ string) error { return os.Remove(dir + "/d/first") },
		"replaced": func(dir, _ string) error { return os.Rename(dir+"/new", dir+"/d/first") },
		"moved":    func(dir, _ string) error { return os.Rename(dir+"/d/first", dir+"/moved") },
		"moved and removed": func(dir, _ string) error {
			return errors.Join(os.Rename(dir+"/d/first", dir+"/moved"), os.Remove(dir+"/moved"))
		},
		"moved out": func(dir, outside string) error { return os.Rename(dir+"/d/first", outside+"/first") },
		"exchanged": func(dir, _ string) error {
			return unix.Renameat2(unix.AT_FDCWD, dir+"/new", unix.AT_FDCWD, dir+"/d/first", unix.RENAME_EXCHANGE)
		},
		"in a directory that is gone": func(dir, outside string) error { return os.Rename(dir+"/d", outside+"/d") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, outside := t.TempDir(), t.TempDir()
			must(t, os.Mkdir(dir+"/d", 0o755), os.WriteFile(dir+"/d/first", nil, 0o644), os.Link(dir+"/d/first", dir+"/second"), os.WriteFile(dir+"/new", nil, 0o644))
			w, err := Open()
			must(t, err)
			defer w.Close()
			q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
			_, err = w.Add(dir, nil, q)
			must(t, err)
			w.mu.Lock() // nobody looks meanwhile
			err = errors.Join(os.WriteFile(dir+"/d/first", []byte("x"), 0o644), change(dir, outside))
			w.mu.Unlock()
			must(t, err)
			awaitChange(t, q, "second")
		})
	}
}

// Files that were just made have one name: no others are looked for.
func TestNewFilesAreInNoDoubt(t *testing.T) {
	t.Parallel()
	w, _, q, m := watched(t)
	for _, after := range []func(string) error{os.Remove, func(file string) error { return os.Rename(file, file+" no more") }} {
		file := filepath.Join(m.root, "temporary")
		f, err := os.Create(file)
		must(t, err)
		w.mu.Lock()
		w.catchUp()
		_, err = f.WriteString("x")
		err = errors.Join(err, f.Close(), after(file))
		w.mu.Unlock()
		must(t, err)
	}
	must(t, os.WriteFile(filepath.Join(m.root, "last"), nil, 0o644))
	awaitChange(t, q, "last")
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.links.due.IsZero() {
		t.Error("the tree is to be searched for other names")
	}
}

// What is done under one name of a file is reported under the others.
func TestAllNamesAreReported(t *testing.T) {
	t.Parallel()
	w, _, q, m := watched(t)
	in := func(name string) string { return filepath.Join(m.root, name) }
	other, elsewhere := t.TempDir(), NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
	_, err := w.Add(other, nil, elsewhere)
	must(t, err, os.MkdirAll(in("a/b"), 0o755), os.WriteFile(in("a/b/first"), nil, 0o644))
	must(t, os.Link(in("a/b/first"), in("second")), os.Link(in("second"), filepath.Join(other, "third")))
	awaitChange(t, elsewhere, "third")
	awaitChange(t, q, "second")
	for _, change := range []func() error{
		func() error { return os.WriteFile(in("second"), []byte("x"), 0o644) },
		func() error { return os.Chmod(in("second"), 0o600) },
		func() error { return os.Truncate(in("second"), 100) },
	} {
		q.Take()
		must(t, change())
		awaitChange(t, q, "a/b/first")
		awaitChange(t, elsewhere, "third")
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	log, copied := filepath.Join(dir, "log"), filepath.Join(dir, "copied")
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	must(t, err)
	g, err := os.Create(copied)
	must(t, err)
	if writersOf(log) != some || writersOf(copied) != some || writersOf(filepath.Join(dir, "none")) != unknown {
		t.Error("a writer was not seen")
	}
	both := map[string]bool{log: true, copied: true}
	if got := appended(both); !got[log] || got[copied] {
		t.Errorf("appended are %v", got)
	}
	h, err := os.OpenFile(log, os.O_WRONLY, 0)
	must(t, err)
	if got := appended(both); got[log] {
		t.Error("a file is a log though one does not append")
	}
	must(t, f.Close(), g.Close(), h.Close())
	if writersOf(log) != none || writersOf(copied) != none {
		t.Error("a writer was seen that is gone")
	}
}

func TestSkippedIsNotReported(t *testing.T) {
	t.Parallel()
	w, _, _, _ := watched(t)
	root, q := t.TempDir(), NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
	_, err := w.Add(root, func(p string) bool { return strings.HasPrefix(filepath.Base(p), ".") }, q)
	must(t, err)
	must(t, os.MkdirAll(filepath.Join(root, ".hidden", "below"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, ".temporary"), nil, 0o644), os.WriteFile(filepath.Join(root, ".hidden", "f"), nil, 0o644))
	must(t, os.Rename(filepath.Join(root, ".temporary"), filepath.Join(root, "final")))
	for _, c := range awaitChange(t, q, "final") {
		if c.Path != "final" {
			t.Errorf("%v was reported", c)
		}
	}
}

func TestATreeThatIsMovedAwayFails(t *testing.T) {
	t.Parallel()
	w, _, _, _ := watched(t)
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(root, "d"), 0o755))
	tree, err := w.Add(root, nil, NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax}))
	must(t, err)
	must(t, os.Rename(root, root+" elsewhere"))
	if err := <-tree.Failed(); err == nil {
		t.Error("no error")
	}
	tree.Close()
	if _, err := w.Add(root, nil, NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})); err == nil {
		t.Error("a directory that is not there is watched")
	}
	must(t, os.Mkdir(root, 0o755))
	tree, err = w.Add(root, nil, NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax}))
	must(t, err, os.Remove(root))
	if err := <-tree.Failed(); err == nil {
		t.Error("no error")
	}
}

// Whoever has other settings for a tree adds it again before closing the old one.
func TestATreeGoesOver(t *testing.T) {
	t.Parallel()
	w, old, _, m := watched(t)
	must(t, os.MkdirAll(filepath.Join(m.root, "a", "b"), 0o755), os.MkdirAll(filepath.Join(m.root, ".skipped", "b"), 0o755))
	q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
	_, err := w.Add(m.root, func(p string) bool { return p == ".skipped" }, q)
	must(t, err)
	old.Close()
	must(t, os.WriteFile(filepath.Join(m.root, ".skipped", "b", "f"), nil, 0o644), os.WriteFile(filepath.Join(m.root, "a", "b", "f"), nil, 0o644))
	for _, c := range awaitChange(t, q, "a/b/f") {
		if strings.HasPrefix(c.Path, ".skipped") {
			t.Errorf("%v was reported", c)
		}
	}
}

func TestClosedTreesLeaveNoWatches(t *testing.T) {
	t.Parallel()
	w, tree, q, m := watched(t)
	run(t, m.root, 200)
	m.await(t, q)
	tree.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for d := range w.lost {
		w.drop(d)
	}
	if len(w.dirs) > 0 {
		t.Errorf("%d directories are still watched", len(w.dirs))
	}
}

func TestLimitErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	err := limitError(unix.EMFILE)
	l, ok := err.(*LimitError)
	if !ok || l.Setting != "fs.inotify.max_user_instances" {
		t.Fatalf("got %v", err)
	}
	l.Need = 256
	if l.Command() != "sudo sysctl -w fs.inotify.max_user_instances=256" || l.File() != "fs.inotify.max_user_instances=256" {
		t.Errorf("got %q, %q", l.Command(), l.File())
	}
}

// Whoever catches up is told at once of what has happened.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	w, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	root := t.TempDir()
	q := NewQueue(Settle{})
	tree, err := w.Add(root, nil, q)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		file := filepath.Join(root, "file")
		if err := os.Symlink("x", file); err != nil {
			t.Fatal(err)
		}
		tree.CatchUp()
		q.Take()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		tree.CatchUp()
		if got := q.Take(); len(got) != 1 || got[0].Path != "file" {
			t.Fatalf("told of %v", got)
		}
	}
}
