package engine

import (
	"bytes"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
)

// That a temporary file cannot be made is told when it is written to, with the
// cause, where Syncthing listens; of any other file it is told at once.
func TestUnwritableFilesSayWhy(t *testing.T) {
	cfg := config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: t.TempDir()}
	fsys, flags := cfg.Filesystem(), fs.OptReadWrite|fs.OptCreate|fs.OptExclusive
	missing := filepath.Join("no", "such", "directory")
	if _, err := fsys.OpenFile(filepath.Join(missing, "a"), flags, 0o600); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("opening a file: %v", err)
	}
	for _, flags := range []int{flags, fs.OptReadWrite} {
		file, err := fsys.OpenFile(fs.TempName(filepath.Join(missing, "a")), flags, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(10); err != nil {
			t.Error(err)
		}
		_, written := file.WriteAt([]byte("x"), 0)
		for what, err := range map[string]error{"writing": written, "syncing": file.Sync(), "closing": file.Close()} {
			if !errors.Is(err, iofs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// However many temporary files are written at once, few are open; what is written is
// there, in whatever order it comes, and what was there before stays.
func TestFewTemporaryFilesAreOpen(t *testing.T) {
	const files = 10 * maxKeptOpen
	dir := t.TempDir()
	below := &countingFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, dir)}
	want := append(bytes.Repeat([]byte("b"), 1000), bytes.Repeat([]byte("a"), 1000)...)
	open := func(i int, flags int) *demandFile {
		return newDemandFile(below, fs.TempName(string(rune('A'+i%20))+string(rune('A'+i/20))), flags, 0o600)
	}
	var all []*demandFile
	for i := range files {
		flags := fs.OptReadWrite | fs.OptCreate | fs.OptExclusive
		if i%10 == 0 { // a kill left half of it
			if err := os.WriteFile(filepath.Join(dir, open(i, 0).name), want[:1000], 0o600); err != nil {
				t.Fatal(err)
			}
			flags = fs.OptReadWrite
		}
		all = append(all, open(i, flags))
	}
	for i, f := range all {
		if err := f.Truncate(2000); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(want[1000:], 1000); err != nil {
			t.Fatal(i, err)
		}
	}
	if below.most > maxKeptOpen+1 {
		t.Errorf("%d files were open", below.most)
	}
	for i, f := range all {
		if i%10 != 0 {
			if _, err := f.WriteAt(want[:1000], 0); err != nil {
				t.Fatal(i, err)
			}
		}
		if i%2 == 0 {
			f.rest()
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(i, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, f.name)); err != nil || !bytes.Equal(data, want) {
			t.Fatalf("%d: %.20q, %v", i, data, err)
		}
	}
	if below.open != 0 || keptOpen.Load() != 0 {
		t.Errorf("%d files are open, %d count as open", below.open, keptOpen.Load())
	}
}

// A file to which nothing is written has its size all the same.
func TestEmptyTemporaryFilesAreMade(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int64{"empty": 0, "hole": 1 << 20} {
		f := newDemandFile(fs.NewFilesystem(fs.FilesystemTypeBasic, dir), name, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o600)
		if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != size {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A file that could not be had from peers, and is then found here under the name that
// it had before, is taken from there.
func TestRenamedFilesReplaceHoles(t *testing.T) {
	for how, take := range map[string]func(fsys fs.Filesystem, from, temp string) error{
		"renamed": fs.Filesystem.Rename,
		"copied": func(fsys fs.Filesystem, from, temp string) error {
			return osutil.Copy(fs.CopyRangeMethodStandard, fsys, fsys, from, temp)
		},
	} {
		dir := t.TempDir()
		cfg := config.FolderConfiguration{ID: "id", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: dir}
		fsys := cfg.Filesystem()
		temp := fs.TempName("new")
		file, err := fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(file.Truncate(7), file.Close(), os.WriteFile(filepath.Join(dir, "old"), []byte("content"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := take(fsys, "old", temp); err != nil {
			t.Fatal(how, err)
		}
		if err := errors.Join(fsys.Chmod(temp, 0o640), fsys.Rename(temp, "new")); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(data) != "content" {
			t.Errorf("%s: %q, %v", how, data, err)
		}
	}
}

// A hole is made when it gets its mode or its name, and what could not be had is not
// made at all.
func TestHolesAreMadeLate(t *testing.T) {
	dir := t.TempDir()
	fsys := fs.NewFilesystem(filesystemType.ToFS(), dir)
	for name, finish := range map[string]func(temp, name string) error{
		"mode":     func(temp, _ string) error { return fsys.Chmod(temp, 0o644) },
		"no mode":  func(string, string) error { return nil },
		"failed":   nil,
		"failed 2": nil,
	} {
		temp := fs.TempName(name)
		file, err := fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o600)
		if err := errors.Join(err, file.Truncate(1<<20), file.Sync(), file.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, temp)); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		if finish == nil {
			continue
		}
		if err := errors.Join(finish(temp, name), fsys.Rename(temp, name)); err != nil {
			t.Fatal(name, err)
		}
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != 1<<20 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
}

// Where files can be hidden, temporary ones are, and none that has its name.
func TestReceivedFilesAreNotHidden(t *testing.T) {
	for what, test := range map[string]struct {
		size        int64
		write, mode bool
	}{
		"written":               {3, true, true},
		"empty":                 {0, false, true},
		"all of it a hole":      {1 << 20, false, true},
		"a hole without a mode": {1 << 20, false, false},
	} {
		dir := t.TempDir()
		below := &hidingFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, dir), hidden: map[string]bool{}}
		fsys := folderFS{below, dir, &replacing{temps: map[string]int{}}}
		temp := fs.TempName("name")
		file, err := fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o600)
		_ = fsys.Hide(temp) // there need not be one
		if err := errors.Join(err, file.Truncate(test.size)); err != nil {
			t.Fatal(what, err)
		}
		if test.write {
			if _, err := file.WriteAt([]byte("abc"), 0); err != nil || !below.hidden[temp] {
				t.Errorf("%s: written, hidden %v, %v", what, below.hidden, err)
			}
		}
		err = errors.Join(file.Sync(), file.Close())
		_ = fsys.Unhide(temp)
		if test.mode {
			err = errors.Join(err, fsys.Chmod(temp, 0o644))
		}
		if err := errors.Join(err, fsys.Rename(temp, "name")); err != nil || len(below.hidden) != 0 {
			t.Errorf("%s: hidden are %v, %v", what, below.hidden, err)
		}
	}
}

// hidingFS notes which files are hidden, as Windows does with those that are there.
type hidingFS struct {
	fs.Filesystem
	hidden map[string]bool
}

func (h *hidingFS) Hide(name string) error {
	_, err := h.Lstat(name)
	if err == nil {
		h.hidden[name] = true
	}
	return err
}

func (h *hidingFS) Unhide(name string) error {
	_, err := h.Lstat(name)
	if err == nil {
		delete(h.hidden, name)
	}
	return err
}

// countingFS counts the files that are open.
type countingFS struct {
	fs.Filesystem
	open, most int
}

func (c *countingFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	file, err := c.Filesystem.OpenFile(name, flags, mode)
	if err != nil {
		return nil, err
	}
	c.open++
	c.most = max(c.most, c.open)
	return &countedFile{file, c}, nil
}

type countedFile struct {
	fs.File
	of *countingFS
}

func (c *countedFile) Close() error {
	c.of.open--
	return c.File.Close()
}
