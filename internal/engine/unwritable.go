package engine

import (
	"io"

	"github.com/syncthing/syncthing/lib/fs"
)

// unwritable stands for a temporary file that could not be made, and says why when
// it is written to or closed.
//
// Syncthing loses the error of making one (sharedPullerState.finalClose returns it
// with false, which finisherRoutine takes for a file that is not complete yet): the
// file would be lacking with no word about it, and would not be tried again.
type unwritable struct {
	name string
	err  error
}

func (f unwritable) Name() string                       { return f.name }
func (f unwritable) Write([]byte) (int, error)          { return 0, f.err }
func (f unwritable) WriteAt([]byte, int64) (int, error) { return 0, f.err }
func (f unwritable) Read([]byte) (int, error)           { return 0, io.EOF }
func (f unwritable) ReadAt([]byte, int64) (int, error)  { return 0, io.EOF }
func (f unwritable) Seek(int64, int) (int64, error)     { return 0, f.err }
func (f unwritable) Stat() (fs.FileInfo, error)         { return nil, f.err }
func (f unwritable) Truncate(int64) error               { return nil } // an error here would be lost as well
func (f unwritable) Sync() error                        { return f.err }
func (f unwritable) Close() error                       { return f.err }
