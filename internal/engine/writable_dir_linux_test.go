package engine

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"golang.org/x/sys/unix"
)

// nobody is a user that modes of files hold for, and who has none here.
const nobody = 65534

// asUser does something with the rights to files of a user who is not root.
func asUser(do func() error) error {
	result := make(chan error)
	go func() {
		// The rights are those of the thread, which ends with this.
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			if err := unix.Setfsuid(nobody); err != nil {
				result <- err
				return
			}
		}
		result <- do()
	}()
	return <-result
}

// readOnlyDir makes a directory of that user to which nobody may write, with a file
// of each of the names, and returns the one above.
func readOnlyDir(t *testing.T, name string, files ...string) string {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, name)
	err := errors.Join(os.Chmod(filepath.Dir(top), 0o755), os.Mkdir(dir, 0o755))
	for _, file := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file), []byte("old"), 0o444))
	}
	if os.Geteuid() == 0 {
		err = errors.Join(err, os.Chown(top, nobody, nobody), os.Chown(dir, nobody, nobody))
		for _, file := range files {
			err = errors.Join(err, os.Chown(filepath.Join(dir, file), nobody, nobody))
		}
	}
	if err = errors.Join(err, os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	if err := asUser(func() error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) }); !errors.Is(err, iofs.ErrPermission) {
		t.Fatalf("the directory is not read-only: %v", err)
	}
	return top
}

// withRight is Syncthing's inWritableDir.
func withRight(fsys fs.Filesystem, dir string, do func() error) error {
	info, err := fsys.Stat(dir)
	if err != nil {
		return err
	}
	if err := fsys.Chmod(dir, info.Mode()|0o700); err != nil {
		return err
	}
	return errors.Join(do(), fsys.Chmod(dir, info.Mode()&0o777))
}

// What Syncthing does to receive a file works in a directory without write
// permission, which has its mode again when that is done.
func TestFilesAreReceivedInReadOnlyDirectories(t *testing.T) {
	t.Parallel()
	const dir = "dir"
	large := bytes.Repeat([]byte("new"), 1000)
	for what, test := range map[string]struct {
		name  string
		want  []byte
		write bool
		mode  bool
	}{
		"new":                    {"a", large, true, true},
		"in place of another":    {"old", large, true, true},
		"all of it a hole":       {"a", make([]byte, 3000), false, true},
		"a hole without a mode":  {"a", make([]byte, 3000), false, false},
		"a hole, for another":    {"old", make([]byte, 3000), false, true},
		"new, empty":             {"a", nil, false, true},
		"empty, in place of one": {"old", nil, false, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			top := readOnlyDir(t, dir, "old")
			fsys := fs.NewFilesystem(filesystemType.ToFS(), top)
			name := filepath.Join(dir, test.name)
			temp := fs.TempName(name)
			if err := asUser(func() error {
				var file fs.File
				if err := withRight(fsys, dir, func() (err error) {
					file, err = fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o644)
					if err != nil {
						return err
					}
					return file.Truncate(int64(len(test.want)))
				}); err != nil {
					return err
				}
				if test.write {
					if _, err := file.WriteAt(test.want, 0); err != nil {
						return err
					}
				}
				if err := errors.Join(file.Sync(), file.Close()); err != nil {
					return err
				}
				if test.mode {
					if err := fsys.Chmod(temp, 0o444); err != nil {
						return err
					}
				}
				if _, err := fsys.Lstat(name); err == nil {
					if err := withRight(fsys, dir, func() error { return fsys.Remove(name) }); err != nil {
						return err
					}
				}
				return osutil.RenameOrCopy(fs.CopyRangeMethodStandard, fsys, fsys, temp, name)
			}); err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(filepath.Join(top, name)); err != nil || !bytes.Equal(data, test.want) {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			if info, err := os.Lstat(filepath.Join(top, dir)); err != nil || info.Mode().Perm() != 0o555 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// Several files of one directory are opened at once. None takes the right from
// another, and nobody who looks takes it for lasting.
func TestReadOnlyDirectoriesStayReadOnly(t *testing.T) {
	t.Parallel()
	const dir, files, writers = "dir", 100, 4
	top := readOnlyDir(t, dir)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			fsys := fs.NewFilesystem(filesystemType.ToFS(), top)
			if err := asUser(func() error {
				for i := range files {
					if info, err := fsys.Stat(dir); err != nil || info.Mode()&0o200 != 0 {
						return fmt.Errorf("the directory is writable: %v", err)
					}
					temp := fs.TempName(filepath.Join(dir, fmt.Sprint(w, "-", i)))
					file, err := fsys.OpenFile(temp, fs.OptReadWrite|fs.OptCreate|fs.OptExclusive, 0o644)
					if err != nil {
						return err
					}
					_, err = file.WriteAt([]byte("x"), 0)
					if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	names, err := os.ReadDir(filepath.Join(top, dir))
	if err != nil || len(names) != files*writers {
		t.Errorf("%d files, %v", len(names), err)
	}
	if info, err := os.Lstat(filepath.Join(top, dir)); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("%v, %v", info, err)
	}
}
