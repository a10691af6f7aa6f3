package engine

import (
	"errors"
	"runtime"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/botsync/botsync/internal/watch"
)

// Whatever a pull puts in place is looked at, also if the watch of its directory comes
// too late to see that it was removed.
func TestWhatIsPulledIsLookedAt(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	queue := watch.NewQueue(watch.Settle{})
	noticing.Store(root, queue)
	t.Cleanup(func() { noticing.Delete(root) })
	f := fs.NewFilesystem(fs.FilesystemType(filesystemType), root)
	temp := fs.TempName("dir/file")
	for _, step := range []struct {
		do   func() error
		want string // the path that is looked at; none if it is empty
	}{
		{func() error { return f.Mkdir("dir", 0o755) }, "dir"},
		{func() error {
			file, err := f.OpenFile(temp, fs.OptReadWrite|fs.OptCreate, 0o644)
			if err != nil {
				return err
			}
			_, err = file.WriteAt([]byte("content"), 0)
			return errors.Join(err, file.Close(), f.Chmod(temp, 0o644))
		}, ""},
		{func() error { return f.Rename(temp, "dir/file") }, "dir/file"},
		{func() error { return f.CreateSymlink("file", "dir/link") }, "dir/link"},
		{func() error { return f.MkdirAll("a/b/c", 0o755) }, "a/b/c"},
		{func() error {
			if f.Mkdir("dir", 0o755) == nil {
				return errors.New("it was made twice")
			}
			return nil
		}, ""},
	} {
		if step.want == "dir/link" && runtime.GOOS == "windows" {
			continue // nobody may make links there
		}
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		got := queue.Take()
		if step.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0] != (watch.Change{Path: step.want}) {
			t.Errorf("looked at %v, want %q", got, step.want)
		}
	}
}
