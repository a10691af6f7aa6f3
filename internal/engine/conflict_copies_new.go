package engine

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/syncthing/syncthing/lib/protocol"
)

// newCopies are the conflict copies of the folders that were made and may not be in the
// index yet. Their folder lacks nothing then, and no peer has heard of what is in them.
type newCopies struct {
	mu    sync.Mutex
	names map[string]map[string]bool // by folder ID
}

func (c *newCopies) add(folder, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[string]map[string]bool{}
	}
	if c.names[folder] == nil {
		c.names[folder] = map[string]bool{}
	}
	c.names[folder][name] = true
}

// any reports whether one of a folder is still new, and forgets those that are not.
func (c *newCopies) any(folder string, isNew func(name string) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.names[folder] {
		if isNew(name) {
			return true
		}
		delete(c.names[folder], name)
	}
	return false
}

// CopyComing reports whether a conflict copy has been made in a folder of which no peer
// can have heard yet.
func (e *Engine) CopyComing(folder string) bool {
	cfg, ok := e.cfg.Folder(folder)
	return ok && e.newCopies.any(folder, func(name string) bool {
		if f, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, name); err != nil || ok && !f.IsDeleted() {
			return err != nil
		}
		_, err := os.Lstat(filepath.Join(cfg.Path, name))
		return err == nil && !e.Verdict(folder, filepath.ToSlash(name)).Ignored
	})
}
