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

// Messages returns the names of the files of a device, a bounded number of them.
func (s Store) Messages(device string) []string {
	if !ValidID(device) || isDirectory(filepath.Join(s.dir, messagesDir)) != nil || isDirectory(s.messagePath(device, "")) != nil {
		return nil
	}
	names, _, err := list(s.messagePath(device, ""), maxMessages, validMessage)
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
	return s.Write(File{Path: messagesDir + "/" + self + "/" + name, Data: data})
}

// StreamMessage is WriteMessage for what does not fit into memory.
func (s Store) StreamMessage(self, name string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing a message: %w", err)
		}
	}()
	if err := s.makeWay(messagesDir + "/" + self + "/" + name); err != nil {
		return err
	}
	// An unfinished file would be announced to the peers.
	f, err := os.CreateTemp(filepath.Dir(s.dir), atomicfile.TempPrefix+"message-*")
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
	return s.Remove(messagesDir + "/" + self + "/" + name)
}

// ClearMessages removes all messages of this device, and what anybody has left
// for so long that nobody waits for it.
func (s Store) ClearMessages(self string, now time.Time) {
	top := filepath.Join(s.dir, messagesDir)
	if isDirectory(top) != nil {
		return
	}
	if ValidID(self) {
		_ = os.RemoveAll(filepath.Join(top, self))
	}
	devices, _, err := list(top, maxMessages, func(string) bool { return true })
	if err != nil {
		return
	}
	for _, device := range devices {
		dir := filepath.Join(top, device)
		if isDirectory(dir) != nil {
			removeOld(dir, now)
			continue
		}
		names, _, _ := list(dir, maxStray, func(string) bool { return true })
		for _, name := range names {
			removeOld(filepath.Join(dir, name), now)
		}
		_ = os.Remove(dir) // if it is empty
	}
}

func removeOld(file string, now time.Time) {
	if info, err := os.Lstat(file); err == nil && !info.IsDir() && now.Sub(info.ModTime()) > messageMaxAge {
		_ = os.Remove(file)
	}
}
