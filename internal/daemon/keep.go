package daemon

import (
	"cmp"
	"path/filepath"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// keepLoss keeps what a peer's change makes go from a folder. Of the records of
// devices there is no history: they are known from members.json.
func (d *daemon) keepLoss(l engine.Loss) error {
	if l.Folder == recordsFolder {
		return nil
	}
	return d.keepVersion(l)
}

// keepVersion makes a version of a file that is about to be replaced or deleted by
// whoever calls it, and returns once the content is safe. With Stays the content
// lives on under another name; without it, the file is not to be written to after
// this, but replaced by a rename, or removed.
func (d *daemon) keepVersion(l engine.Loss) error {
	item := history.Item{
		From: filepath.Join(d.root.Folder(l.Folder), filepath.FromSlash(cmp.Or(l.From, l.Path))), Folder: l.Folder, Path: l.Path,
		By: l.By, Deleted: l.Deleted, Stays: l.Stays,
	}
	err := d.makeVersion(item)
	if isFull(err) && d.makeRoom() {
		err = d.makeVersion(item)
	}
	return err
}

// makeVersion makes a version as of now.
func (d *daemon) makeVersion(item history.Item) error {
	d.clock.making.RLock()
	defer d.clock.making.RUnlock()
	item.At = d.clock.give()
	return d.history.Keep(item)
}
