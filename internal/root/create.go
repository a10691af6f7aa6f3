package root

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
)

// markName is what Syncthing puts into a folder, to see later that it is there.
const markName = ".stfolder"

// configLock keeps two commands from making or changing one root at once. It is
// not the daemon's lock, which is held for as long as the daemon lives.
const configLock = "config.lock"

// Create makes dir a root with the settings cfg, or completes a root that was
// half made. On a root that exists already it leaves the settings alone; use
// [Root.UpdateConfig] for those. Missing parents are made, like everything else
// that is missing; the user's files stay as they are.
//
// When it fails it takes back what this call made, and returns an [api.Error]:
// config_invalid for cfg, root_unusable for the directory.
func Create(dir string, cfg Config) (r *Root, created *Created, err error) {
	cfg, err = cfg.normalised()
	if err != nil {
		return nil, nil, err
	}
	r = &Root{dir: filepath.Clean(dir)}
	if err := r.refuseNested(); err != nil {
		return nil, nil, err
	}
	created = &Created{root: r}
	if err := created.make(cfg); err != nil {
		// What cannot be taken back either is of no more help than the cause.
		_ = created.Undo()
		return nil, nil, unusable(r.dir, err)
	}
	return r, created, nil
}

// refuseNested keeps a root out of the folders and the state of another one: its
// key would be synced to that one's peers.
func (r *Root) refuseNested() error {
	real := r.dir
	if resolved, err := filepath.EvalSymlinks(r.dir); err == nil {
		real = resolved
	}
	for child, dir := real, filepath.Dir(real); dir != child; child, dir = dir, filepath.Dir(dir) {
		outer := &Root{dir: dir}
		if _, err := os.Stat(outer.ConfigPath()); err != nil {
			continue
		}
		if name := filepath.Base(child); name == StateName || slices.Contains(Folders, name) {
			return api.Errorf(api.CodeRootUnusable, "Name a directory outside of "+child+" with --root.",
				"%s is inside a folder of the root %s", r.dir, dir)
		}
	}
	return nil
}

func (c *Created) make(cfg Config) error {
	r := c.root
	if err := c.mkdirAll(r.dir, modeFolder); err != nil {
		return err
	}
	if err := c.makeState(); err != nil {
		return err
	}
	lock := flock.New(r.state(configLock), flock.SetPermissions(modeSecret))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Close()
	r.sweep()

	for _, name := range Folders {
		if err := c.mkdirAll(r.Folder(name), modeFolder); err != nil {
			return err
		}
		mark := filepath.Join(r.Folder(name), markName)
		if _, err := os.Lstat(mark); errors.Is(err, fs.ErrNotExist) {
			c.marks = append(c.marks, mark)
		}
	}
	for _, dir := range r.stateDirs() {
		if err := os.Mkdir(dir, modePrivate); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	_, err := os.Lstat(r.ConfigPath())
	if err == nil {
		return nil // somebody else's root, or another command was faster
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if c.readme, err = r.writeReadme(); err != nil {
		return err
	}
	if err := r.writeConfig(cfg); err != nil {
		return err
	}
	c.Initialised = true
	return nil
}

// makeState makes .botsync, and notes whether there was anything in it before.
func (c *Created) makeState() error {
	dir := c.root.StateDir()
	err := os.Mkdir(dir, modePrivate)
	if err == nil {
		c.state = true
		return nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return api.Errorf(api.CodeRootUnusable, "Move it away and run the command again.",
			"%s is not a directory", dir)
	}
	c.state = holdsNothing(dir)
	// A file system without modes refuses this; the root works there all the same.
	_ = os.Chmod(dir, modePrivate)
	return nil
}

// holdsNothing reports whether there is no file below .botsync but those that a
// Create that was killed leaves: it is ours to remove again.
func holdsNothing(dir string) bool {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || isLeftover(d.Name()) || d.Name() == configLock {
			return err
		}
		return fs.ErrExist
	})
	return err == nil
}

// sweep removes the unfinished files of a process that was killed. The caller
// holds the lock, so nobody is writing one now.
func (r *Root) sweep() {
	for _, dir := range []string{r.dir, r.StateDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if isLeftover(e.Name()) {
				_ = os.Remove(filepath.Join(dir, e.Name()))
			}
		}
	}
}

func isLeftover(name string) bool {
	for _, of := range []string{configName, ReadmeName} {
		if ok, _ := filepath.Match(atomicfile.TempPrefix+of+"-*", name); ok {
			return true
		}
	}
	return false
}

// mkdirAll is os.MkdirAll that notes each directory which it made.
func (c *Created) mkdirAll(dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return api.Errorf(api.CodeRootUnusable,
			"Move the file away, or name another directory with --root.", "%s is a file, not a directory", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	if err := c.mkdirAll(parent, mode); err != nil {
		return err
	}
	err = os.Mkdir(dir, mode)
	if err == nil {
		c.dirs = append(c.dirs, dir)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil // made by another command, or a dangling link that the next step stumbles over
	}
	return err
}
