package doctor

import (
	"slices"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

func folders(b *book) {
	for _, f := range b.Folders {
		b.folder(f)
	}
	if len(b.Folders) == 0 {
		b.skip("folder", plain("The root is in no network."))
	}
}

func (b *book) folder(f Folder) {
	name := oneOf(f.Name, "shared", "deliverables", "inbox")
	add := func(status, code string, message, fix text) { b.add(status, code, name, message, fix) }
	switch {
	case f.Missing:
		add(api.CheckFail, "folder", sayf("The directory %s is missing: the folder is not synced.", b.path(f.Path)),
			sayf("Put it back with its files and its .stfolder, or mount its disk. If they are lost, botsync resume %v --undo brings the files back from the other devices.", name))
	case f.Err != nil:
		add(api.CheckFail, "folder", sayf("%s cannot be read or written: %v.", b.path(f.Path), cause(f.Err)),
			plain("Make it readable and writable for the user who runs botsync."))
	case f.Unmarked:
		add(api.CheckFail, "folder", sayf("The mark .stfolder is missing in %s: it is not synced, lest an empty disk passes for deletions.", b.path(f.Path)),
			sayf("If all files are there: mkdir %s; if they are lost, botsync resume %v --undo brings them back from the other devices.", quoted(b.path(join2(f.Path))), name))
	case f.Stopped != "":
		fix := plain("Free what keeps it from being synced; botsync tries again by itself.")
		if strings.Contains(f.Stopped, "insufficient space") { // Syncthing's words
			fix = plain("Make room; botsync goes on by itself.")
		}
		add(api.CheckFail, "folder", sayf("It is not synced: %v.", causeOf(f.Stopped)), fix)
	case f.State != "":
		add(api.CheckOK, "folder", sayf("It is %v.", oneOf(f.State, api.FolderIdle, api.FolderScanning, api.FolderSyncing, api.FolderPaused, api.FolderError, api.FolderHeld)), text{})
	default:
		add(api.CheckOK, "folder", plain("Its directory is there."), text{})
	}
	switch {
	case f.IsHeld && f.Deciding:
		add(api.CheckWarn, "held", sayf("%v away on this device; what is to become of that is being done.", count(f.Held, "file went", "files went")), plain("Wait until it is done."))
	case f.IsHeld:
		add(api.CheckFail, "held", sayf("%v away on this device; that is held, and no other device was told.", count(f.Held, "file went", "files went")),
			sayf("botsync resume %v --undo brings them back, botsync resume %v --accept deletes them everywhere", name, name))
	}
	if b.Live == nil {
		return
	}
	b.contents(f, add)
}

// contents are the checks that a running daemon alone can make.
func (b *book) contents(f Folder, add func(status, code string, message, fix text)) {
	if f.Failed > 0 {
		message, fix := failures(f)
		add(api.CheckFail, "files", message, fix)
		b.checks[len(b.checks)-1].failed = f.FailedFiles
	} else {
		add(api.CheckOK, "files", plain("No file is in the way."), text{})
	}
	still := sayf("%v (%v) are", count(f.NeedFiles, "file", "files"), size(uint64(max(f.NeedBytes, 0))))
	if f.NeedFiles == 1 {
		still = sayf("1 file (%v) is", size(uint64(max(f.NeedBytes, 0))))
	}
	connected := slices.ContainsFunc(b.Peers, func(p Peer) bool { return p.Connected })
	switch {
	case f.NeedFiles > 0 && !connected:
		add(api.CheckWarn, "missing", sayf("%v still to come, and no device is connected.", still),
			plain("Start botsync on a device that has them."))
	case f.NeedFiles > 0:
		add(api.CheckOK, "missing", sayf("%v still to come.", still), text{})
	}
	if f.Conflicts > 0 {
		add(api.CheckWarn, "conflicts", sayf("%v here.", count(f.Conflicts, "conflict copy lies", "conflict copies lie")), plain("botsync conflicts lists them; botsync conflicts keep newest --all resolves all, and what is not kept stays in the history."))
	}
	if f.Local > 0 {
		add(api.CheckWarn, "local_changes", sayf("%v in this receive-only folder travel nowhere.", count(f.Local, "change", "changes")), plain("botsync revert"))
	}
	if f.IgnoredKnown && f.Ignored > 0 {
		add(api.CheckOK, "ignored", sayf("%v kept out; botsync ignores says which, and why.", count(f.Ignored, "name is", "names are")), text{})
	}
}

// failures says of the files that cannot be synced which is the first and why, for
// what reasons the others, and what mends all of them. A report has the codes: the
// words come with the facts, and nobody knows here that they name nothing.
func failures(f Folder) (message, fix text) {
	const mend = "Mend the cause; botsync tries again by itself."
	message = sayf("%v cannot be synced", count(f.Failed, "file", "files"))
	var codes, hints []string
	for i, x := range f.FailedFiles {
		if i == 0 {
			first := ""
			if f.Failed > 1 {
				first = ", the first"
			}
			message = sayf("%v%v: %v: %v (%v)", message, plain(first), text{x.Path, "[path]"}, text{x.Reason, causeOf(x.Detail).safe}, oneOf(x.Code, api.FailedCodes...))
		} else if !slices.Contains(codes, x.Code) {
			message = sayf("%v, others: %v", message, oneOf(x.Code, api.FailedCodes...))
		}
		codes = append(codes, x.Code)
		if x.Hint != "" && !slices.Contains(hints, x.Hint) {
			hints = append(hints, x.Hint)
		}
	}
	if len(hints) == 0 {
		hints = []string{mend}
	}
	return sayf("%v.", message), text{strings.Join(hints, " "), mend}
}

func join2(folder string) string { return folder + "/.stfolder" }

func watching(b *book) {
	if b.Live == nil {
		b.skip("watch", plain("No daemon answers that could watch."))
		return
	}
	w := b.Live.Watch
	switch {
	case len(w.Folders) > 0:
		b.warn("watch", sayf("Changes in %v are noticed late: %v.", folderList(w.Folders), text{w.Message, "a limit of inotify is too low"}),
			sayf("%v, and put %v into /etc/sysctl.d/90-botsync.conf", commandText(w.Command), commandText(w.File)))
	case w.Known && w.Limit > 0:
		b.ok("watch", sayf("Changes are noticed at once: %d of %d inotify watches.", w.Used, w.Limit))
	default:
		b.ok("watch", plain("Changes are noticed at once."))
	}
}

func folderList(names []string) text {
	var all []text
	for _, n := range names {
		all = append(all, oneOf(n, "shared", "deliverables", "inbox"))
	}
	return join(all)
}

// commandText is a command that raises a limit: harmless if it is of that form.
func commandText(s string) text {
	for part := range strings.FieldsSeq(strings.ReplaceAll(s, "=", " ")) {
		switch {
		case slices.Contains([]string{"sudo", "sysctl", "-w", "fs.inotify.max_user_watches", "fs.inotify.max_user_instances"}, part):
		case strings.Trim(part, "0123456789") == "":
		default:
			return text{s, hidden}
		}
	}
	return plain(s)
}
