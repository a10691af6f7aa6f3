package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/config"
)

// ErrSends says that a folder sends its changes, so that there is nothing to revert.
var ErrSends = errors.New("the folder sends what is changed in it")

// turns are held by those who look at a folder, one at a time.
type turns struct {
	mu  sync.Mutex
	all map[string]chan struct{} // by folder ID
}

func (t *turns) of(folder string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]chan struct{}{}
	}
	if t.all[folder] == nil {
		t.all[folder] = make(chan struct{}, 1)
	}
	return t.all[folder]
}

// Revert takes back what was changed in a folder that only receives, as far as a
// look at all of it finds, and returns it. What is on the disk of it is kept below
// the directory keep, which is made if need be, under the same path: the contents
// that were changed, and files that exist here only. What the network has in its
// place comes from the peers after that.
func (e *Engine) Revert(ctx context.Context, folder, keep string) ([]Slip, error) {
	cfg, ok := e.cfg.Folder(folder)
	if !ok || cfg.Type != config.FolderTypeReceiveOnly {
		return nil, fmt.Errorf("reverting %s: %w", folder, ErrSends)
	}
	if err := e.Look(ctx, folder); err != nil {
		return nil, err
	}
	var slips []Slip
	// In turn, so that no scan finds another change in between.
	err := e.inTurn(folder, func() (err error) {
		if slips, err = e.Slips(folder); err != nil || len(slips) == 0 {
			return err
		}
		k := &keeper{from: filepath.Clean(cfg.Path), to: keep}
		for _, s := range slips {
			if s.Deleted || s.Directory {
				continue
			}
			if err := k.keep(filepath.FromSlash(s.Path)); err != nil {
				return fmt.Errorf("keeping %s: %w", s.Path, err)
			}
		}
		// What is removed may be another file by now than the one that was kept.
		keepers.Store(k.from, k)
		defer keepers.Delete(k.from)
		defer e.db.only(folder, nil)()
		e.model.Revert(folder)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reverting %s: %w", folder, err)
	}
	return slips, nil
}

// keepers are those of the folders that are being reverted, by path.
var keepers sync.Map

func keeperOf(path string) *keeper {
	k, _ := keepers.Load(path)
	keeper, _ := k.(*keeper)
	return keeper
}

// keeper keeps what is about to be removed from a folder.
type keeper struct{ from, to string }

// keep gives a file or symbolic link a second name, or makes a copy of it where
// that cannot be. What is gone and what is a directory is left alone, and so is
// what was kept already.
func (k *keeper) keep(name string) error {
	_, err := k.keepAt(name)
	return err
}

// keepAt is keep that says where what it has kept is; empty if it has kept nothing.
func (k *keeper) keepAt(name string) (at string, err error) {
	from := filepath.Join(k.from, name)
	info, err := os.Lstat(from)
	if errors.Is(err, iofs.ErrNotExist) || err == nil && !info.Mode().IsRegular() && info.Mode()&iofs.ModeSymlink == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	target := "" // of a symbolic link
	if info.Mode()&iofs.ModeSymlink != 0 {
		if target, err = os.Readlink(from); err != nil {
			return "", err
		}
	}
	to := filepath.Join(k.to, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	for n := 2; ; n++ {
		kept, err := os.Lstat(to)
		if err == nil && os.SameFile(info, kept) {
			return to, nil
		}
		if same, _ := os.Readlink(to); target != "" && same == target {
			return to, nil
		}
		if errors.Is(err, iofs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s.%d", filepath.Join(k.to, name), n)
	}
	if target != "" {
		return to, os.Symlink(target, to)
	}
	if os.Link(from, to) == nil {
		return to, nil
	}
	return to, copyFile(from, to, info.Mode().Perm())
}

// copyFile copies a file to a name that is free, and onto the disk.
func copyFile(from, to string, mode iofs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}
