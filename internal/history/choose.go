package history

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Held is a version, and who has it.
type Held struct {
	Version
	Holders []string // device IDs
	Files   []string // how each of them calls it in its store
}

// Answer is what a device has.
type Answer struct {
	Holder   string // device ID
	Versions []Version
}

// Merge makes one list of what several devices have, by time. The same content
// that went by the same change is one version, with several holders; its time is
// that of the first device that has it.
func Merge(answers []Answer) []Held {
	type key struct {
		path, by string
		size     int64
		modified int64
		symlink  bool
		nth      int // of those that look the same on one device, from the latest
	}
	at := map[key]int{}
	var out []Held
	for _, a := range answers {
		seen := map[key]int{}
		versions := slices.SortedFunc(slices.Values(a.Versions), func(x, y Version) int { return y.Time.Compare(x.Time) })
		for _, v := range versions {
			// Times are as exact as the least exact of the usual file systems.
			k := key{path: v.Folder + "/" + v.Path, by: v.By, size: v.Size, modified: v.Modified.UnixMicro(), symlink: v.Symlink}
			k.nth, seen[k] = seen[k], seen[k]+1
			if i, ok := at[k]; ok {
				out[i].Holders, out[i].Files = append(out[i].Holders, a.Holder), append(out[i].Files, v.File)
				continue
			}
			at[k] = len(out)
			out = append(out, Held{v, []string{a.Holder}, []string{v.File}})
		}
	}
	slices.SortFunc(out, func(a, b Held) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Path, b.Path))
	})
	return out
}

// At is the version of a file as it was at a time: the first that went at it or
// later. That is the oldest for any time before it, as nothing says since when the file
// had held that, or that it was not there: an older version may have been swept away.
// With a zero time it is the latest. False if nothing went since: the file is as it was
// then. All versions have to be of one file, by time.
func At(versions []Held, t time.Time) (Held, bool) {
	if len(versions) == 0 {
		return Held{}, false
	}
	if t.IsZero() {
		return versions[len(versions)-1], true
	}
	for _, v := range versions {
		if !v.Time.Before(t) {
			return v, true
		}
	}
	return Held{}, false
}

// Deleted are the last versions of the files that were deleted and are not there.
// The versions have to be by time.
func Deleted(versions []Held, there func(folder, path string) bool) []Held {
	var out []Held
	for _, group := range byPath(versions) {
		if last := group[len(group)-1]; last.Deleted && !there(last.Folder, last.Path) {
			out = append(out, last)
		}
	}
	return out
}

// byPath groups versions by file, in the order of paths; within a group they stay
// in their order.
func byPath(versions []Held) [][]Held {
	groups := map[string][]Held{}
	var names []string
	for _, v := range versions {
		name := v.Folder + "/" + v.Path
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], v)
	}
	slices.SortFunc(names, strings.Compare)
	out := make([][]Held, len(names))
	for i, name := range names {
		out[i] = groups[name]
	}
	return out
}

// State is how a file is now.
type State struct {
	There bool
	Size  int64 // in bytes
	// Modified is its own time.
	Modified time.Time
	By       string // short ID of the device that made it so, or deleted it; empty if it is not known
	// Unsettled says that somebody has changed it here just now, which is not
	// known yet to anyone else.
	Unsettled bool
}

// Undo is what undoing the changes of a device comes to.
type Undo struct {
	Restore []Held
	Others  []Changed // files that somebody else has changed since
	Made    []Changed // files that the device has made since, changed, and not deleted
}

// Changed is a file that somebody else has changed.
type Changed struct {
	Folder, Path string
	By           string // short ID; empty if it is not known
}

// PlanUndo chooses what was in each file before the first change that a device has
// made since a time, and if somebody else has changed it in between, after that: then
// it is what they made of it that comes back. Files that somebody else has changed
// last are left out, unless that is forced, when all changes since are taken back, and so are those that are as they were, which same says of
// files of the same size. The versions have to be by time; those of others are
// among them.
//
// Before the first change of a file that the device has made since then, which made says
// the time of, there was nothing: its first draft does not come back. If it has deleted
// the file, what it deleted does.
func PlanUndo(versions []Held, device string, since time.Time, force bool, state func(folder, path string) State, same func(Held) bool, made func(folder, path string) time.Time) Undo {
	var out Undo
	for _, group := range byPath(versions) {
		by := func(v Held) bool { return v.By == device && !v.Time.Before(since) }
		if !slices.ContainsFunc(group, by) {
			continue
		}
		now := state(group[0].Folder, group[0].Path)
		group = carriedOut(group, device, now)
		first := slices.IndexFunc(group, by)
		if again := lastRun(group, device); again >= 0 && !force {
			first = max(first, again)
		}
		v := group[first]
		if drafts(group, first, device, since, made(v.Folder, v.Path), now) {
			if now.There {
				out.Made = append(out.Made, Changed{v.Folder, v.Path, device})
				continue
			}
			v = group[len(group)-1]
		}
		if now.There && now.Size == v.Size && same(v) {
			continue
		}
		other := now.By
		if now.Unsettled {
			other = ""
		}
		for _, later := range group[first+1:] {
			if later.By != device {
				other = later.By
			}
		}
		if other != device && !force {
			out.Others = append(out.Others, Changed{v.Folder, v.Path, other})
			continue
		}
		out.Restore = append(out.Restore, v)
	}
	return out
}

// drafts reports whether a file is one that a device has made since a time, and that it
// alone has changed from the given version on. In doubt it is not.
func drafts(group []Held, first int, device string, since, made time.Time, now State) bool {
	v := group[first]
	if made.IsZero() || !made.Before(v.Time) || v.Modified.Before(since) || now.By != device || now.Unsettled {
		return false
	}
	for i, other := range group {
		last := i == len(group)-1 && !now.There
		switch {
		case i < first && !other.Deleted && !other.Time.Before(made), i >= first && (other.By != device || other.Deleted && !last):
			return false
		}
	}
	return true
}

// carriedOut leaves out what others than a device have kept and then did not replace,
// since a kill came between: it is what was there afterwards as well.
func carriedOut(group []Held, device string, now State) []Held {
	out := make([]Held, 0, len(group))
	for i, v := range group {
		size, modified := now.Size, now.Modified
		if i+1 < len(group) {
			size, modified = group[i+1].Size, group[i+1].Modified
		}
		if v.By == device || v.Symlink || v.Modified.IsZero() || v.Size != size || v.Modified.UnixMicro() != modified.UnixMicro() {
			out = append(out, v)
		}
	}
	return out
}

// lastRun is where the changes of a device begin after which there is none of anybody
// else, -1 if its change is not the last.
func lastRun(group []Held, device string) int {
	at := -1
	for i := len(group) - 1; i >= 0 && group[i].By == device; i-- {
		at = i
	}
	return at
}
