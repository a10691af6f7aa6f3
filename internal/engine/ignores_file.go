package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/botsync/botsync/internal/ignores"
)

// patternFile is a set of patterns as the file that Syncthing reads. Its time tells
// whether it is another one, which is all that Syncthing looks at.
type patternFile struct {
	*bytes.Reader
	info patternInfo
}

func newPatternFile(set *ignores.Set) *patternFile {
	text := []byte(set.Text())
	sum := sha256.Sum256(text)
	version := int64(binary.BigEndian.Uint32(sum[:4]))<<24 | int64(sum[4])
	return &patternFile{bytes.NewReader(text), patternInfo{size: int64(len(text)), version: time.Unix(0, version)}}
}

var errPatternFile = errors.New("the patterns are not written here")

func (f *patternFile) Name() string                       { return ignores.LocalName }
func (f *patternFile) Stat() (fs.FileInfo, error)         { return f.info, nil }
func (f *patternFile) Close() error                       { return nil }
func (f *patternFile) Sync() error                        { return nil }
func (f *patternFile) Truncate(int64) error               { return errPatternFile }
func (f *patternFile) Write([]byte) (int, error)          { return 0, errPatternFile }
func (f *patternFile) WriteAt([]byte, int64) (int, error) { return 0, errPatternFile }

type patternInfo struct {
	size    int64
	version time.Time
}

func (i patternInfo) Name() string       { return ignores.LocalName }
func (i patternInfo) Mode() fs.FileMode  { return 0o600 }
func (i patternInfo) Size() int64        { return i.size }
func (i patternInfo) ModTime() time.Time { return i.version }
func (i patternInfo) IsDir() bool        { return false }
func (i patternInfo) Sys() any           { return nil }
func (i patternInfo) IsRegular() bool    { return true }
func (i patternInfo) IsSymlink() bool    { return false }
func (i patternInfo) Owner() int         { return 0 }
func (i patternInfo) Group() int         { return 0 }

// patterns returns the file of patterns for Syncthing, or nil if it is to read the
// one on the disk.
func (f folderFS) patterns(name string) *patternFile {
	if name != ignores.LocalName {
		return nil
	}
	if i := ignoringOf(f.root); i != nil {
		return newPatternFile(i.files.Set())
	}
	return nil
}

// Stat tells Syncthing whether the patterns are other ones.
func (f folderFS) Stat(name string) (fs.FileInfo, error) {
	if p := f.patterns(name); p != nil {
		return p.info, nil
	}
	if err := f.hidden(name); err != nil {
		return nil, err
	}
	return f.Filesystem.Stat(name)
}
