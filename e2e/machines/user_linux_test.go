package machines

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const noFollow = unix.O_NOFOLLOW

// maxAppend bounds the files to which something is appended, in bytes.
const maxAppend = 64 << 10

// A user is the programs on one device: it does one thing after the other to the
// folder there, while the daemon does what peers have done.
//
// It knows what it replaces. A file that is written in place was read through the
// same descriptor, or has the inode of the one that was read and is still open. A
// file that is replaced or deleted is exchanged with the new one, or moved out of
// the folder, and read there. Some programs do as most do, and name the path
// (plainly): then the file may be another one than that which was read, of which
// this device then owes nothing, and somebody else still does.
type user struct {
	*rand.Rand
	*ledger
	device        string
	root, outside string // the folder, and a directory beside it
	steps         int
	n             int
}

// path draws a path: mostly of a file, and mostly of those that all change.
func (u *user) path() string {
	return filepath.Join(u.dir(), fmt.Sprintf("f%d", u.IntN(5)))
}

// dir draws the path of a directory, one or two levels below the root, which
// itself is never drawn.
func (u *user) dir() string {
	p := filepath.Join(u.root, []string{"all", "all", "every", u.device}[u.IntN(4)])
	for range u.IntN(3) {
		p = filepath.Join(p, fmt.Sprintf("d%d", u.IntN(2)))
	}
	return p
}

// below is a short name for a path.
func (u *user) below(path string) string {
	rel, _ := filepath.Rel(u.root, path)
	return rel
}

// away is a path outside of the folder that nothing has.
func (u *user) away() string {
	u.n++
	return filepath.Join(u.outside, fmt.Sprint(u.device, u.n))
}

// step does something, or fails to: what is not possible is no change.
func (u *user) step() {
	u.steps++
	p, q := u.path(), u.path()
	switch u.IntN(40) {
	case 0, 1, 2, 3, 4, 5:
		u.writeInPlace(p)
	case 6, 7:
		u.writePlainly(p)
	case 8, 9, 10, 11, 12:
		u.writeAside(p, u.IntN(4) == 0)
	case 13, 14, 15:
		u.append(p)
	case 16, 17, 18:
		u.remove(p)
	case 19:
		u.removePlainly(p)
	case 20:
		u.remove(u.dir())
	case 21:
		u.removeAll(u.dir())
	case 22, 23:
		_ = os.MkdirAll(u.dir(), 0o755)
	case 24:
		_ = unix.Rmdir(u.dir())
	case 25, 26, 27:
		u.move(p, q)
	case 28:
		u.move(u.dir(), u.dir())
	case 29:
		u.over(p, q)
	case 30:
		if info, err := os.Lstat(p); err == nil && info.Mode().IsRegular() {
			_ = os.Chmod(p, []fs.FileMode{0o600, 0o644, 0o755}[u.IntN(3)])
		}
	case 31, 32: // a time that is hours away
		if info, err := os.Lstat(p); err == nil && info.Mode().IsRegular() {
			at := time.Now().Add(time.Duration(u.IntN(20e6)-10e6) * time.Millisecond)
			_ = os.Chtimes(p, at, at)
			u.note(u.device, "touch %s %v", u.below(p), time.Until(at).Round(time.Second))
		}
	case 33:
		u.link(filepath.Base(q), p)
	case 34:
		u.swapKind(filepath.Join(u.root, "kinds", fmt.Sprint(u.IntN(3))))
	case 35:
		u.lookAround()
	case 36, 37, 38:
		u.tidy()
	case 39:
		u.look(p)
	}
}

// write writes data in pieces. It returns false if the program ended before.
func (u *user) write(f *os.File, data []byte) bool {
	pieces, whole := 1, true
	if u.IntN(4) == 0 {
		pieces = 2 + u.IntN(3)
		whole = u.IntN(4) > 0
	}
	for i := range pieces {
		if !whole && i == pieces-1 {
			return false
		}
		if _, err := f.Write(data[len(data)*i/pieces : len(data)*(i+1)/pieces]); err != nil {
			return false // the disk is full
		}
		if pieces > 1 {
			time.Sleep(time.Duration(u.IntN(8)) * time.Millisecond) // a program that takes its time
		}
	}
	return true
}

// writeInPlace replaces what it has read through the same descriptor.
func (u *user) writeInPlace(p string) {
	_ = os.MkdirAll(filepath.Dir(p), 0o755)
	f, old, err := readPinned(p, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(p, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		return
	}
	defer f.Close()
	was := u.seen(u.device, p, old)
	data := u.draft(u.Rand, u.device, u.below(p), nil)
	if f.Truncate(0) != nil {
		return
	}
	u.replaced(u.device, was)
	_, _ = f.Seek(0, 0)
	u.finish(f, p, "write in place", data, data, was)
}

// finish writes what a content consists of, or its end, and notes it.
func (u *user) finish(f *os.File, p, how string, piece, data []byte, was hash) {
	whole := u.write(f, piece)
	if f.Close() == nil && whole {
		u.completed(u.device, data)
	}
	u.note(u.device, "%s %s: %s for %s, whole %v", how, u.below(p), hash(sha256.Sum256(data)), was, whole)
}

// writePlainly does as most programs do. If another file has come to the path
// after it has looked, then it has not seen what it replaces.
func (u *user) writePlainly(p string) {
	seen, old, err := readPinned(p, os.O_RDONLY)
	if err != nil {
		return
	}
	defer seen.Close()
	was := u.seen(u.device, p, old)
	data := u.draft(u.Rand, u.device, u.below(p), nil)
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_TRUNC|noFollow, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if sameFile(seen, f) {
		u.replaced(u.device, was)
	} else {
		was = hash{}
	}
	u.finish(f, p, "write plainly", data, data, was)
}

func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	y, err2 := b.Stat()
	return errors.Join(err, err2) == nil && os.SameFile(x, y)
}

// append writes behind what it has read.
func (u *user) append(p string) {
	f, old, err := readPinned(p, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return
	}
	defer f.Close()
	was := u.seen(u.device, p, old)
	if len(old) > maxAppend {
		return
	}
	data := u.draft(u.Rand, u.device, u.below(p), old)
	u.replaced(u.device, was)
	u.finish(f, p, "append", data[len(old):], data, was)
}

// writeAside writes a file elsewhere, and then puts it where it belongs.
func (u *user) writeAside(p string, plainly bool) {
	_ = os.MkdirAll(filepath.Dir(p), 0o755)
	temp := u.away()
	defer os.Remove(temp)
	data := u.draft(u.Rand, u.device, u.below(p), nil)
	if os.WriteFile(temp, data, 0o644) != nil {
		return
	}
	if !plainly {
		if was, ok := u.put(temp, p); ok {
			u.completed(u.device, data)
			u.note(u.device, "write aside %s: %s for %s", u.below(p), hash(sha256.Sum256(data)), was)
		}
		return
	}
	was := u.look(p)
	if os.Rename(temp, p) != nil {
		return
	}
	u.replaced(u.device, was)
	u.completed(u.device, data)
	u.note(u.device, "rename over %s: %s for %s", u.below(p), hash(sha256.Sum256(data)), was)
}

// put gives what is outside a place in the folder, and then does away with what
// had it, which it reads outside: it has the hashes of all that was replaced.
func (u *user) put(from, to string) (was string, ok bool) {
	for range 10 {
		switch err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); {
		case err == nil:
			return "nothing", true
		case !errors.Is(err, unix.EEXIST):
			return "", false
		}
		switch err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE); {
		case err == nil:
			return u.burn(from), true
		case !errors.Is(err, unix.ENOENT):
			return "", false
		}
	}
	return "", false
}

// burn does away with what was taken out of the folder, and says what it was.
func (u *user) burn(path string) string {
	var was []string
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || isTemporary(d.Name()) {
			return nil
		}
		if data, err := os.ReadFile(p); err == nil {
			h := u.seen(u.device, p, data)
			u.replaced(u.device, h)
			was = append(was, h.String())
		}
		return nil
	})
	_ = os.RemoveAll(path)
	return "(" + strings.Join(was, " ") + ")"
}

// remove takes something out of the folder.
func (u *user) remove(p string) {
	away := u.away()
	if os.Rename(p, away) == nil {
		u.note(u.device, "remove %s: %s", u.below(p), u.burn(away))
	}
}

// removePlainly deletes a file by its name.
func (u *user) removePlainly(p string) {
	was := u.look(p)
	if was != (hash{}) && unix.Unlink(p) == nil {
		u.replaced(u.device, was)
		u.note(u.device, "unlink %s: %s", u.below(p), was)
	}
}

// removeAll is rm -rf by somebody who has looked.
func (u *user) removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !isTemporary(d.Name()) {
			u.removePlainly(p)
		}
		return nil
	})
	for range 3 { // directories from the inside, if they are empty
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				_ = unix.Rmdir(p)
			}
			return nil
		})
	}
	u.note(u.device, "remove all of %s", u.below(dir))
}

// move renames a file or a tree to where nothing is.
func (u *user) move(p, q string) {
	_ = os.MkdirAll(filepath.Dir(q), 0o755)
	if unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, q, unix.RENAME_NOREPLACE) == nil {
		u.note(u.device, "move %s to %s", u.below(p), u.below(q))
	}
}

// over renames a file over another one.
func (u *user) over(p, q string) {
	if unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, q, unix.RENAME_EXCHANGE) == nil {
		u.note(u.device, "exchange %s and %s", u.below(p), u.below(q))
		u.remove(p)
	}
}

// link puts a symbolic link in the place of what is there.
func (u *user) link(target, p string) {
	temp := u.away()
	if os.Symlink(target, temp) == nil {
		was, ok := u.put(temp, p)
		u.note(u.device, "link %s: for %s, %v", u.below(p), was, ok)
		_ = os.Remove(temp)
	}
}

// swapKind puts a directory in the place of a file, and the other way round.
func (u *user) swapKind(p string) {
	_ = os.MkdirAll(filepath.Dir(p), 0o755)
	info, err := os.Lstat(p)
	if err != nil || info.IsDir() {
		u.writeAside(p, false)
		return
	}
	temp := u.away()
	data := u.draft(u.Rand, u.device, u.below(p), nil)
	if errors.Join(os.Mkdir(temp, 0o755), os.WriteFile(filepath.Join(temp, "in"), data, 0o644)) == nil {
		if was, ok := u.put(temp, p); ok {
			u.completed(u.device, data)
			u.note(u.device, "directory %s with %s: for %s", u.below(p), hash(sha256.Sum256(data)), was)
		}
	}
	_ = os.RemoveAll(temp)
}

// look reads a file, and returns what it has; nothing if there is none.
func (u *user) look(p string) hash {
	f, data, err := readPinned(p, os.O_RDONLY)
	if err != nil {
		return hash{}
	}
	f.Close()
	return u.seen(u.device, p, data)
}

// lookAround reads everything.
func (u *user) lookAround() {
	_ = filepath.WalkDir(u.root, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.Name() == ".stfolder" {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() && !isTemporary(d.Name()) {
			u.look(p)
		}
		return nil
	})
}

// tidy does with a conflict copy what people do: it is looked at and deleted, or
// put over what won.
func (u *user) tidy() {
	copies, _ := filepath.Glob(filepath.Join(u.dir(), "*.sync-conflict-*"))
	copies = slices.DeleteFunc(copies, func(p string) bool { return isTemporary(filepath.Base(p)) })
	if len(copies) == 0 {
		return
	}
	p := copies[u.IntN(len(copies))]
	if u.IntN(3) > 0 {
		u.remove(p)
		return
	}
	name, _, _ := strings.Cut(filepath.Base(p), ".sync-conflict-")
	u.over(p, filepath.Join(filepath.Dir(p), name))
}
