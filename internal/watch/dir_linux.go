package watch

import (
	"path"
	"time"
)

// dir is a watched directory.
type dir struct {
	wd       int32
	tree     *Tree // of a root alone
	parent   *dir  // nil for a root, and while the directory is nowhere
	name     string
	children map[string]*dir
	lost     time.Time // since when it is nowhere
	seen     int       // the reading that found it last
}

// entry is a name in a directory. It stays the same when a directory above it is
// renamed.
type entry struct {
	dir  *dir
	name string
}

// where returns the tree that a directory belongs to and its path there; nil if
// it is nowhere.
func (d *dir) where() (*Tree, string) {
	p := ""
	for d.parent != nil {
		p = path.Join(d.name, p)
		d = d.parent
	}
	if d.tree == nil {
		return nil, ""
	}
	return d.tree, path.Join(Root, p)
}

// within reports whether d is top or below it.
func (d *dir) within(top *dir) bool {
	for ; d != nil; d = d.parent {
		if d == top {
			return true
		}
	}
	return false
}

func (d *dir) attach(parent *dir, name string) {
	d.parent, d.name, d.lost = parent, name, time.Time{}
	if parent.children == nil {
		parent.children = map[string]*dir{}
	}
	parent.children[name] = d
}

// detach makes d be nowhere, with all below it.
func (d *dir) detach(now time.Time) {
	if d.parent != nil && d.parent.children[d.name] == d {
		delete(d.parent.children, d.name)
	}
	d.parent, d.lost = nil, now
}

// find returns the directory at a path below d, if it is watched.
func (d *dir) find(p string) *dir {
	for d != nil && p != Root && p != "" {
		var name string
		name, p = cut(p)
		d = d.children[name]
	}
	return d
}

// cut splits off the first name of a path.
func cut(p string) (name, rest string) {
	for i := range len(p) {
		if p[i] == '/' {
			return p[:i], p[i+1:]
		}
	}
	return p, ""
}
