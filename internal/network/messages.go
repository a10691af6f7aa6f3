package network

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// messagesDir holds what devices ask each other: a directory for each of them,
// called by its ID, in which nobody else writes.
const messagesDir = "history"

// Limits of what is read of the messages of one device.
const (
	maxMessages   = 256    // files that are looked at
	maxStray      = 10_000 // names of which those that are old are removed
	messageMaxAge = time.Hour
	maxMessage    = 100 // bytes of a name
)

// IsMessage reports whether a path within the store is that of a message, which
// has nothing to do with the records.
func IsMessage(path string) bool {
	return path == messagesDir || strings.HasPrefix(path, messagesDir+"/")
}

// validMessage reports whether a file can be a message by its name.
func validMessage(name string) bool {
	return name != "" && len(name) <= maxMessage && !unfinished(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.')
	})
}

func (s Store) messagePath(device, name string) string {
	return filepath.Join(s.dir, messagesDir, device, name)
}

// MessagePath is the path of a message within the store, slash-separated.
func MessagePath(device, name string) string { return messagesDir + "/" + device + "/" + name }

// Messages returns the names of those files of a device that are wanted, a bounded
// number of them.
func (s Store) Messages(device string, wanted func(name string) bool) []string {
	if !ValidID(device) || isDirectory(filepath.Join(s.dir, messagesDir)) != nil || isDirectory(s.messagePath(device, "")) != nil {
		return nil
	}
	names, _, err := list(s.messagePath(device, ""), maxMessages, func(name string) bool { return validMessage(name) && wanted(name) })
	if err != nil {
		return nil
	}
	slices.Sort(names)
	return names
}

// ReadMessage reads a message, which must have at most limit bytes.
func (s Store) ReadMessage(device, name string, limit int64) ([]byte, error) {
	if !ValidID(device) || !validMessage(name) {
		return nil, fmt.Errorf("reading a message: %w", fs.ErrInvalid)
	}
	data, err := readRegular(s.messagePath(device, name), limit+1)
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it is longer than %d bytes", limit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	return data, nil
}

// OpenMessage opens a message that is too big to be read at once, and returns its
// size, in bytes. It has to be a plain file.
func (s Store) OpenMessage(device, name string) (*os.File, int64, error) {
	if !ValidID(device) || !validMessage(name) {
		return nil, 0, fmt.Errorf("reading a message: %w", fs.ErrInvalid)
	}
	file := s.messagePath(device, name)
	before, err := os.Lstat(file)
	if err == nil && !before.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading a message: %w", err)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a message: %w", err)
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		return nil, 0, errors.Join(err, f.Close(), errors.New("reading a message: it was exchanged meanwhile"))
	}
	return f, before.Size(), nil
}

// WriteMessage writes a message of this device in one step.
func (s Store) WriteMessage(self, name string, data []byte) error {
	return s.StreamMessage(self, name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// StreamMessage is WriteMessage for what does not fit into memory.
func (s Store) StreamMessage(self, name string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing a message: %w", err)
		}
	}()
	if err := s.makeWay(MessagePath(self, name)); err != nil {
		return err
	}
	// An unfinished file would be announced to the peers.
	f, err := os.CreateTemp(filepath.Dir(s.dir), unfinishedMessage)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.messagePath(self, name))
}

// RemoveMessage removes a message of this device, which may be gone already.
func (s Store) RemoveMessage(self, name string) error {
	return s.Remove(MessagePath(self, name))
}

// unfinishedMessage is the pattern of the names of unfinished messages, beside the
// store.
const unfinishedMessage = atomicfile.TempPrefix + "message-*"

// ClearMessages removes all messages of this device, what a kill has left of them,
// and what anybody has left for so long that nobody waits for it. Nothing is written
// meanwhile.
func (s Store) ClearMessages(self string, now time.Time) {
	if entries, err := os.ReadDir(filepath.Dir(s.dir)); err == nil {
		for _, e := range entries {
			if ok, _ := filepath.Match(unfinishedMessage, e.Name()); ok {
				_ = os.Remove(filepath.Join(filepath.Dir(s.dir), e.Name()))
			}
		}
	}
	top, err := os.OpenRoot(s.dir)
	if err != nil {
		return
	}
	defer top.Close()
	all, err := openDirectory(top, messagesDir)
	if err != nil {
		return
	}
	defer all.Close()
	if ValidID(self) {
		_ = all.RemoveAll(self)
	}
	for _, device := range namesIn(all, maxMessages) {
		dir, err := openDirectory(all, device)
		if err != nil {
			removeOld(all, device, now)
			continue
		}
		for _, name := range namesIn(dir, maxStray) {
			removeOld(dir, name, now)
		}
		dir.Close()
		if info, err := all.Lstat(device); err == nil && info.IsDir() {
			_ = all.Remove(device) // if it is empty
		}
	}
}

// openDirectory opens a directory that is reached by no link, also if it is
// exchanged meanwhile.
func openDirectory(in *os.Root, name string) (*os.Root, error) {
	before, err := in.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, errors.New("it is no directory")
	}
	dir, err := in.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if now, err := dir.Stat("."); err != nil || !os.SameFile(before, now) {
		return nil, errors.Join(err, dir.Close(), errors.New("it was exchanged meanwhile"))
	}
	return dir, nil
}

// namesIn returns so many names of a directory at most.
func namesIn(dir *os.Root, limit int) []string {
	d, err := dir.Open(".")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(limit)
	return names
}

func removeOld(dir *os.Root, name string, now time.Time) {
	if info, err := dir.Lstat(name); err == nil && !info.IsDir() && now.Sub(info.ModTime()) > messageMaxAge {
		_ = dir.Remove(name)
	}
}
