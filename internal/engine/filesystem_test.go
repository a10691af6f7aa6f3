package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
)

// A file that is replaced is never absent, whatever Syncthing does to get the old
// one out of the way; one that is deleted goes, also when it was about to be
// replaced before.
func TestReplacedFilesStay(t *testing.T) {
	t.Parallel()
	const name, copied = "file", "file.sync-conflict-20261122-150405-ABCDEFG"
	temp := fs.TempName(name)
	type step func(f fs.Filesystem) error
	chmod := func(f fs.Filesystem) error { return f.Chmod(temp, 0o644) }
	open := func(f fs.Filesystem) error {
		file, err := f.OpenFile(temp, fs.OptReadWrite, 0o644)
		if err != nil {
			return err
		}
		return file.Close()
	}
	finish := func(f fs.Filesystem) error { return errors.Join(open(f), chmod(f)) }
	other := func(f fs.Filesystem) error { return f.Chmod(fs.TempName("other"), 0o644) }
	renamed := func(f fs.Filesystem) error {
		return errors.Join(f.Rename(temp, "source"), f.Rename("source", temp), chmod(f))
	}
	look := func(f fs.Filesystem) error { _, err := f.Lstat(name); return err }
	remove := func(f fs.Filesystem) error { return f.Remove(name) }
	copyAway := func(f fs.Filesystem) error { return f.Rename(name, copied) }
	abandon := func(f fs.Filesystem) error { return f.Remove(temp) }
	for what, test := range map[string]struct {
		steps []step
		there bool
		copy  bool
	}{
		"replaced":                        {[]step{finish, look, remove}, true, false},
		"replaced, and copied":            {[]step{finish, look, copyAway}, true, true},
		"replaced again":                  {[]step{finish, look, remove, finish, look, remove}, true, false},
		"replaced by one that is renamed": {[]step{renamed, look, remove}, true, false},
		"replaced beside another":         {[]step{finish, other, look, other, remove}, true, false},
		"replaced by what a kill left":    {[]step{chmod, look, finish, look, remove}, true, false},
		"deleted":                         {[]step{look, remove}, false, false},
		"deleted after it stayed":         {[]step{finish, look, remove, look, remove}, false, false},
		"deleted since it has changed":    {[]step{finish, look, look, remove}, false, false},
		"deleted without a look":          {[]step{finish, remove}, false, false},
		"deleted, it could not be had":    {[]step{open, look, remove}, false, false},
		"deleted, a kill left the other":  {[]step{chmod, look, remove}, false, false},
		"deleted, nothing to replace it":  {[]step{finish, look, abandon, remove}, false, false},
		"copied away, nothing comes":      {[]step{look, copyAway}, false, true},
		"copied away, after it was there": {[]step{finish, look, look, copyAway}, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for n, text := range map[string]string{name: "old", temp: "new", fs.TempName("other"): "new"} {
				if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			// It is named by the time at which it was written.
			if at := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC); os.Chtimes(filepath.Join(dir, name), at, at) != nil {
				t.Fatal("setting the time")
			}
			fsys := fs.NewFilesystem(filesystemType.ToFS(), dir)
			for i, step := range test.steps {
				if err := step(fsys); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			for n, want := range map[string]bool{name: test.there, copied: test.copy} {
				if data, err := os.ReadFile(filepath.Join(dir, n)); (err == nil) != want || want && string(data) != "old" {
					t.Errorf("%s: %q, %v", n, data, err)
				}
			}
			if !test.there {
				return
			}
			if err := fsys.Rename(temp, name); err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "new" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}

// syncs counts how often a file is synced, and what was in it then.
type syncs struct {
	fs.File
	mu     sync.Mutex
	size   int64
	synced []int64
	err    error
}

func (f *syncs) rest() {}

func (f *syncs) Truncate(int64) error { return nil }

func (f *syncs) WriteAt(p []byte, _ int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size += int64(len(p))
	return len(p), nil
}

func (f *syncs) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.synced = append(f.synced, f.size)
	}
	return f.err
}

// However it is written, a file is on the disk before it gets its name, and is
// synced no more often than it must be.
func TestPulledFilesAreSynced(t *testing.T) {
	t.Parallel()
	block := make([]byte, 1000)
	for what, test := range map[string]struct {
		size   int64
		blocks int
		fails  bool
		want   []int64
	}{
		"one block":         {1000, 1, false, []int64{1000}},
		"several blocks":    {8000, 8, false, []int64{8000}},
		"blocks it had":     {8000, 3, false, []int64{3000}},
		"written over":      {2000, 3, false, []int64{2000, 3000}},
		"nothing":           {0, 0, false, []int64{0}},
		"an ailing disk":    {1000, 1, true, []int64{1000}},
		"size is not known": {-1, 2, false, []int64{2000}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			under := &syncs{}
			if test.fails {
				under.err = os.ErrInvalid
			}
			f := &pulledFile{demanded: under, closed: func(bool) {}}
			if test.size >= 0 {
				_ = f.Truncate(test.size)
			}
			for i := range test.blocks {
				if _, err := f.WriteAt(block, int64(i)*1000); err != nil {
					t.Fatal(err)
				}
			}
			under.err = nil
			if err := f.Sync(); err != nil || !slices.Equal(under.synced, test.want) {
				t.Errorf("synced at %d, %v; want %d", under.synced, err, test.want)
			}
		})
	}
}

// Several write at once, as Syncthing's pullers do.
func TestPulledFilesAreSyncedWhenWrittenAtOnce(t *testing.T) {
	t.Parallel()
	for range 200 {
		under := &syncs{}
		f := &pulledFile{demanded: under, closed: func(bool) {}}
		_ = f.Truncate(3000)
		var writers sync.WaitGroup
		for range 5 { // more than fit: the file counts as complete too early
			writers.Go(func() { _, _ = f.WriteAt(make([]byte, 1000), 0) })
		}
		writers.Wait()
		if err := f.Sync(); err != nil || under.synced[len(under.synced)-1] != 5000 {
			t.Fatalf("synced at %d, %v; want 5000 at last", under.synced, err)
		}
	}
}
