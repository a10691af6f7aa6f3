package daemon

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

// shownFailed is how many files that could not be read or written status lists.
const shownFailed = 20

// shownBytes is how long a path that could not be read or written, or what was said
// of it, can be before its middle is left out. Paths come from peers.
const shownBytes = 512

// cut leaves the middle out of what is too long.
func cut(s string) string {
	if len(s) <= shownBytes {
		return s
	}
	const half = (shownBytes - len("…")) / 2
	return strings.ToValidUTF8(s[:half], "") + "…" + strings.ToValidUTF8(s[len(s)-half:], "")
}

// causes are what systems and Syncthing say, and what that means. The first that
// is found counts.
var causes = []struct{ said, code, reason, hint string }{
	{"insufficient space", api.FailedNoSpace, "there is not room enough for it", makeRoom},
	{"no space left on device", api.FailedNoSpace, "there is not room enough for it", makeRoom},
	{"not enough space on the disk", api.FailedNoSpace, "there is not room enough for it", makeRoom},
	{"disk quota exceeded", api.FailedNoSpace, "the quota of this user is used up", makeRoom},
	{"read-only file system", api.FailedReadOnly, "the file system is mounted read-only", "Mount it writable; botsync tries again by itself."},
	{"being used by another process", api.FailedInUse, "a program has it open", "Close it there; botsync tries again by itself."},
	{"text file busy", api.FailedInUse, "it is a program that is running", "End it; botsync tries again by itself."},
	{"too many open files", api.FailedOther, "the daemon has as many files open as it may", "Raise the limit of open files (ulimit -n) and restart botsync; it tries again by itself."},
	{"file name too long", api.FailedNameLong, "this system holds no name of that length", "Rename it where it is from."},
	{"filename or extension is too long", api.FailedNameLong, "this system holds no name of that length", "Rename it where it is from."},
	{"differs only in case", api.FailedNameCase, "another name here differs from it in case alone", "Rename one of the two."},
	{"uses different upper or lowercase", api.FailedNameCase, "another name here differs from it in case alone", "Rename one of the two."},
	{"file name is invalid", api.FailedNameBad, "this file system keeps that name or a character in it for itself", "Rename it where it is from."},
	{"symlinks not supported", api.FailedNoLinks, "this file system has no symbolic links", "Put a copy where the link is from, or have the folder on another disk."},
	{"filename is invalid", api.FailedNameBad, "this system keeps that name or a character in it for itself", "Rename it where it is from."},
	{"name is invalid", api.FailedNameBad, "this system keeps that name or a character in it for itself", "Rename it where it is from."},
	{"not in UTF8 encoding", api.FailedNameUTF8, "its name is not UTF-8", "Rename it."},
	{"not in the correct UTF8 normalization", api.FailedNameUTF8, "its name is written in another form of Unicode than its system uses", "Rename it."},
	{"permission denied", api.FailedPermission, "this user may not read or write it", "Give the user that botsync runs as the right; it tries again by itself."},
	{"operation not permitted", api.FailedPermission, "the system does not permit to read or write it", "Give the user that botsync runs as the right; it tries again by itself."},
	{"access is denied", api.FailedPermission, "this user may not read or write it", "Give the user that botsync runs as the right; it tries again by itself."},
	{"modified but not rescanned", api.FailedChanging, "it is being changed here", "botsync tries again by itself."},
	{"is being written", api.FailedChanging, "it is being changed here", "botsync tries again by itself."},
	{"no connected device has the required version", api.FailedAway, "no device that has it is connected", "Connect one that has it."},
	{"contains changed files", api.FailedChanging, "it is being changed here", "botsync tries again by itself."},
	{"has been deleted on a remote device", api.FailedNotEmpty, "peers deleted this directory, and it holds what they do not have", "Move out of it what is to stay, and delete the rest."},
}

// failedFile says why a file of a folder could not be read or written.
func failedFile(folder string, f engine.FileError) api.FailedFile {
	out := api.FailedFile{Path: cut(path.Join(folder, f.Path)), Code: api.FailedOther, Detail: cut(f.Err)}
	if n := len(folder) + 1 + len(f.Path); n > shownBytes {
		out.PathBytes = n
	}
	if strings.Contains(f.Path, "\x00") {
		out.Code, out.Reason, out.Hint = api.FailedNameBad, "no system holds a name with a NUL in it", "Rename it where it is from."
		return out
	}
	said := strings.ToLower(f.Err)
	for _, c := range causes {
		if strings.Contains(said, strings.ToLower(c.said)) {
			out.Code, out.Reason, out.Hint = c.code, c.reason, c.hint
			return out
		}
	}
	out.Reason, out.Hint = cut(strings.TrimPrefix(strings.TrimPrefix(f.Err, "syncing: "), "scan: ")), "Mend the cause; botsync tries again by itself."
	return out
}

// failedFiles fills in what could not be read or written in a folder, and says what
// is wrong. What there is no room for is told once, with the disk: lacks reports
// whether there is any, listed or not.
func failedFiles(f *api.Folder, failed []engine.FileError) (problems []api.Problem, lacks bool) {
	failed = slices.Clone(failed)
	slices.SortFunc(failed, func(a, b engine.FileError) int { return cmp.Compare(a.Path, b.Path) })
	f.FailedTotal = len(failed)
	var first *api.FailedFile
	others := 0
	for i, e := range failed {
		one := failedFile(f.Name, e)
		if i < shownFailed {
			f.Failed = append(f.Failed, one)
		}
		if one.Code == api.FailedNoSpace {
			lacks = true
			continue
		}
		if others++; first == nil {
			first = &one
		}
	}
	if first == nil {
		return nil, lacks
	}
	message := fmt.Sprintf("%s cannot be synced: %s.", first.Path, first.Reason)
	if others > 1 {
		message = fmt.Sprintf("%d files in %s cannot be synced, the first: %s: %s.", others, f.Name, first.Path, first.Reason)
	}
	return []api.Problem{{Code: "files_failed", Message: message, Hint: first.Hint}}, lacks
}

// whyFailed says why a file has no entry in the index.
func (d *daemon) whyFailed(id, folder, name string) string {
	failed, _, err := d.engine.Fault(id)
	for _, f := range failed {
		if f.Path == name {
			return failedFile(folder, f).Reason
		}
	}
	if err != nil {
		return err.Error()
	}
	return "it is not synced"
}
