// Package swap gives a file the name of another one, so that at no moment, not
// after a kill and whoever writes to either meanwhile, the content of one of them
// is lost or the name is free.
//
// All names are within one open directory: a symbolic link that a peer puts in the
// way of a path cannot lead out of it.
package swap

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrTaken says that a name is not free.
var ErrTaken = errors.New("something of that name is there")

// Replace gives the file with the name of the file to. What to was before is kept
// by keep, which is told its name in the directory, and may be called twice: where
// the system can exchange two names in one step, also for what has come to have the
// name in the last moment. keep must hold on to the very file, by a link, where it
// can: then what a program still writes to it is kept too.
//
// After a kill both are there, if need be under each other's names. Where the system
// cannot exchange names, what takes the place of to after it was kept is lost.
func Replace(dir *os.Root, to, with string, keep func(name string) error) error {
	if err := keep(to); err != nil {
		return err
	}
	err := Exchange(dir, to, with)
	if errors.Is(err, errors.ErrUnsupported) {
		return dir.Rename(with, to)
	}
	if err != nil {
		return err
	}
	return Drop(dir, with, keep)
}

// tempName is what Syncthing leaves alone, and removes if a kill left it.
const tempName = ".syncthing.botsync-drop-"

// Drop removes a file after it was kept. What takes its place in the last moment is
// kept as well, under another name that keep is told then.
func Drop(dir *os.Root, name string, keep func(name string) error) error {
	before, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	if err := keep(name); err != nil {
		return err
	}
	temp := tempName + rand.Text() + ".tmp"
	if err := dir.Rename(name, temp); err != nil {
		return err
	}
	if now, err := dir.Lstat(temp); err == nil && !os.SameFile(before, now) {
		if err := keep(temp); err != nil {
			return errors.Join(err, Place(dir, temp, name))
		}
	}
	return dir.Remove(temp)
}

// Place gives a file another name, which is free; else the error is ErrTaken. After
// a kill the file may have both.
func Place(dir *os.Root, from, to string) error {
	err := dir.Link(from, to)
	if errors.Is(err, fs.ErrExist) {
		return ErrTaken
	}
	if err == nil {
		return dir.Remove(from)
	}
	// Where there are no links.
	if _, there := dir.Lstat(to); there == nil {
		return ErrTaken
	} else if !errors.Is(there, fs.ErrNotExist) {
		return there
	}
	if err := dir.Rename(from, to); err != nil {
		return fmt.Errorf("renaming %s: %w", from, err)
	}
	return nil
}
