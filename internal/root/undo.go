package root

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// Created is what one call of [Create] made.
type Created struct {
	// Initialised reports whether this call turned the directory into a root.
	Initialised bool

	root   *Root
	dirs   []string // in the order in which they were made
	marks  []string // of the engine, which were not there before
	readme bool
	state  bool // .botsync held nothing before
}

// Undo takes back what the call made, for a root that turned out not to be
// wanted: a join that failed. The daemon must have stopped. It removes .botsync
// (but not if something was kept in its versions), a BOTSYNC.md that nobody
// changed, and directories that are empty. Files of a user stay, and so do the
// directories that hold them. What is gone already is no error.
func (c *Created) Undo() error {
	if c == nil {
		return nil
	}
	r := c.root
	held, err := r.Held()
	if err != nil {
		return err
	}
	if held {
		return errors.New("undoing the root: its daemon is running")
	}
	var errs []error
	if c.state && isEmptyDir(r.VersionsDir()) {
		// First, so that whatever remains does not pass for a root.
		errs = append(errs, ignoreMissing(os.Remove(r.ConfigPath())), os.RemoveAll(r.StateDir()))
		for _, mark := range c.marks {
			errs = append(errs, os.RemoveAll(mark))
		}
	}
	if c.readme {
		errs = append(errs, r.removeReadme())
	}
	for _, dir := range slices.Backward(c.dirs) {
		if err := os.Remove(dir); err != nil && isEmptyDir(dir) {
			errs = append(errs, ignoreMissing(err))
		}
	}
	return errors.Join(errs...)
}

// isEmptyDir also holds for a directory that is not there.
func isEmptyDir(dir string) bool {
	entries, err := os.ReadDir(dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
