package daemon

import (
	"slices"
	"time"

	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// unresolved leaves out those of the deleted versions that are conflict copies which were
// resolved or merged: to bring them back would be to have the conflict again. Only what
// is certain counts, by the contents' size and time: whoever deleted the copy has kept it
// as a version of its file, which only resolving and merging do, or the contents are in
// place, or come back, under the name of the file or the one that "keep both" gives.
// all are the versions that are known, stateOf says what is at a path now, and nameOf what
// the device with a short ID is called.
func unresolved(deleted, all []history.Held, stateOf func(folder, path string) history.State, nameOf func(short string) string) []history.Held {
	kept, back := map[string][]history.Held{}, map[string]history.Held{}
	for _, v := range all {
		if slices.ContainsFunc(v.Holders, func(id string) bool { return v.By != "" && engine.ShortID(id) == v.By }) {
			kept[v.Folder+"/"+v.Path] = append(kept[v.Folder+"/"+v.Path], v)
		}
	}
	for _, v := range deleted {
		back[v.Folder+"/"+v.Path] = v
	}
	return slices.DeleteFunc(slices.Clone(deleted), func(c history.Held) bool {
		name, ok := conflict.Parse(c.Path)
		if !ok || c.Symlink || !exact(c.Modified) {
			return false
		}
		author := nameOf(name.Device)
		name = name.Original()
		if slices.ContainsFunc(kept[c.Folder+"/"+name.Base], func(v history.Held) bool { return v.By == c.By && sameContents(v, c) }) {
			return true
		}
		for _, p := range []string{name.Base, conflict.Beside(name.Base, c.Modified, author, 1)} {
			now := stateOf(c.Folder, p)
			if v, ok := back[c.Folder+"/"+p]; ok && sameContents(v, c) || now.There && now.Size == c.Size && now.Modified.UnixMicro() == c.Modified.UnixMicro() {
				return true
			}
		}
		return false
	})
}

func sameContents(a, b history.Held) bool {
	return !a.Symlink && a.Size == b.Size && a.Modified.UnixMicro() == b.Modified.UnixMicro()
}

// exact reports whether a file's time can tell its contents from others: one of whole
// seconds was as likely as not given to it, and maybe to other files as well.
func exact(modified time.Time) bool { return modified.Nanosecond() >= int(time.Microsecond) }
