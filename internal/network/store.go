package network

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/atomicfile"
)

// The directories of a Store.
const (
	devicesDir = "devices"
	removedDir = "removed"
	extension  = ".json"
)

// maxFiles is how many records and removals a store reads of each kind: other
// devices can put files there.
const maxFiles = 10_000

// Store is the directory that holds the records.
type Store struct {
	dir string
}

// NewStore returns the store in dir, whose directories are made when something
// is written.
func NewStore(dir string) Store { return Store{dir: dir} }

// BadFile is a file of a store that was not taken for a record, and why.
type BadFile struct {
	Path string // within the store
	Err  error
}

// Read returns all that the store holds. Files that are no records are
// reported and otherwise ignored; the error is about the directory itself.
func (s Store) Read() ([]Record, []Removal, []BadFile, error) {
	var records []Record
	var removals []Removal
	bad, err := s.each(devicesDir, func(id string, data []byte) error {
		r, err := ParseRecord(id, data)
		if err == nil {
			records = append(records, r)
		}
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	badRemovals, err := s.each(removedDir, func(id string, data []byte) error {
		r, err := ParseRemoval(id, data)
		if err == nil {
			removals = append(removals, r)
		}
		return err
	})
	return records, removals, append(bad, badRemovals...), err
}

func (s Store) each(sub string, take func(id string, data []byte) error) ([]BadFile, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, sub))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading device records: %w", err)
	}
	var bad []BadFile
	for _, e := range entries[:min(len(entries), maxFiles)] {
		name := e.Name()
		if strings.HasPrefix(name, ".") { // Syncthing's temporary files
			continue
		}
		file := filepath.Join(sub, name)
		id, isRecord := strings.CutSuffix(name, extension)
		if !isRecord || !ValidID(id) || !e.Type().IsRegular() {
			bad = append(bad, BadFile{Path: file, Err: errors.New("it is no record of a device")})
			continue
		}
		data, err := readBounded(filepath.Join(s.dir, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since the listing
		}
		if err == nil {
			err = take(id, data)
		}
		if err != nil {
			bad = append(bad, BadFile{Path: file, Err: err})
		}
	}
	return bad, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxRecordBytes+1))
}

// Add writes a record, unless there is one for the same device already: a
// record is never edited.
func (s Store) Add(r Record) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("adding device record: %w", err)
	}
	dir := filepath.Join(s.dir, devicesDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("adding device record: %w", err)
	}
	file := filepath.Join(dir, r.ID+extension)
	if _, err := os.Lstat(file); err == nil {
		return nil
	}
	// Unfinished files would be announced to the peers.
	if err := atomicfile.WriteVia(filepath.Dir(s.dir), file, r.Marshal(), 0o600); err != nil {
		return fmt.Errorf("adding device record: %w", err)
	}
	// The same time on every device: what is equal need not be transferred.
	at := r.AddedAt.UTC().Truncate(1e9)
	if err := os.Chtimes(file, at, at); err != nil {
		return fmt.Errorf("adding device record: %w", err)
	}
	return nil
}

// Clear removes every record: a device that leaves its network, or whose join
// came to nothing, starts anew.
func (s Store) Clear() error {
	for _, sub := range []string{devicesDir, removedDir} {
		if err := os.RemoveAll(filepath.Join(s.dir, sub)); err != nil {
			return fmt.Errorf("clearing device records: %w", err)
		}
	}
	return nil
}
