package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/brake"
	"github.com/botsync/botsync/internal/watch"
)

// BrakeLimits say how much may vanish from a folder before it is held.
type BrakeLimits = brake.Limits

// brakes hold back what vanished from the folders, see package brake. Whatever a
// scan finds, of single paths, of a whole folder, or the first one after a start,
// has to pass here before it is in the index; what does not is found again by the
// next scan.
type brakes struct {
	mu       sync.Mutex
	folders  map[string]*braked // by ID
	arrivals brake.Arrivals
	wake     chan struct{}
	events   chan Event
}

// braked is a folder with a brake. But for id, root and path it is guarded by
// brakes.mu.
type braked struct {
	brake.Folder
	id   string
	root string // of the folder
	path string // of the state that is kept

	state   brakeState
	undo    map[string]bool // what is to come back from the peers
	lost    []string        // of that, what no peer has
	killed  map[string]bool // what was expected to vanish when the daemon ended
	left    int             // of what is to come back, what could not be made to yet
	resting bool            // the folder only receives: what vanishes does not travel anyway
	looked  bool            // all of it was looked at since that began or ended, or since the start
	turn    int             // how often that began or ended
	busy    bool            // it is being judged, or a decision carried out
	done    chan struct{}   // closed when the decision is carried out, or has to be tried again
	why     error           // what it has to be tried again for, or why it is not carried out
	pause   time.Time       // nothing is to be done before
	checked time.Time       // when the disk was last asked for what is held
}

func newBrakes() brakes {
	return brakes{folders: map[string]*braked{}, wake: make(chan struct{}, 1), events: make(chan Event)}
}

// addBrakes has a brake for each folder that wants one. It has to be called before
// Syncthing hears of the settings.
func (e *Engine) addBrakes(s Settings) {
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	for _, f := range s.Folders {
		if !f.Brake {
			continue
		}
		b, root := e.brakes.folders[f.ID], filepath.Clean(f.Path)
		if b != nil && b.root != root {
			_ = os.Remove(b.path)
			b = nil
		}
		if b == nil {
			b = &braked{id: f.ID, root: root, path: e.brakePath(f.ID)}
			b.load()
			b.rest(f.ReceiveOnly)
			b.looked = !b.Held() && !b.resting
			putBackGone(root, e.emptiedPath(f.ID))
			e.brakes.folders[f.ID] = b
		}
		b.Limits = s.Brake
		if b.Limits.Off && b.Held() {
			b.end(brakeOff, time.Now())
		}
	}
	e.brakes.nudge()
}

// settleBrakes has the brakes of folders rest that only receive, and no others, and
// drops those that are not wanted. It has to be called when the settings are in force:
// until then a folder may send what a scan finds.
func (e *Engine) settleBrakes(s Settings) {
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	wanted := map[string]Folder{}
	for _, f := range s.Folders {
		if f.Brake {
			wanted[f.ID] = f
		}
	}
	for id, b := range e.brakes.folders {
		f, ok := wanted[id]
		switch {
		case !ok:
			delete(e.brakes.folders, id)
			_ = os.Remove(b.path)
		case f.ReceiveOnly != b.resting:
			b.rest(f.ReceiveOnly)
		}
	}
	e.brakes.nudge()
}

func (bs *brakes) of(folder string) *braked {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.folders[folder]
}

func (bs *brakes) nudge() {
	select {
	case bs.wake <- struct{}{}:
	default:
	}
}

// found is a loss in what is about to be written.
type found struct {
	brake.Loss
	superseded bool // a peer has changed the file meanwhile
}

// pass returns the entries that may be written into the index of this device.
func (e *Engine) pass(folder string, files []protocol.FileInfo) []protocol.FileInfo {
	b := e.brakes.of(folder)
	if b == nil {
		return files
	}
	var all []found
	var losses []brake.Loss
	at := map[int]int{}      // index in files → in losses
	pulled := map[int]bool{} // by index in files
	for i, f := range files {
		if l, ok := e.lossOf(folder, f); ok {
			at[i] = len(all)
			all, losses = append(all, l), append(losses, l.Loss)
		} else if f.ModifiedBy == e.id.Short() && e.isGlobal(folder, f) {
			pulled[i] = true
		}
	}
	count, coming := 0, 0
	if len(losses) > 0 {
		count, coming = e.filesIn(folder)+uncounted(losses), e.coming(b)
	}
	out, drop := e.brakes.sort(e.id.Short(), b, files, all, losses, at, pulled, count, coming)
	if len(drop) > 0 {
		e.forget(b, drop)
	}
	return out
}

// sort tells entries that may be written from losses that are to be forgotten;
// what is neither waits.
func (bs *brakes) sort(self protocol.ShortID, b *braked, files []protocol.FileInfo, all []found, losses []brake.Loss, at map[int]int, pulled map[int]bool, count, coming int) (out []protocol.FileInfo, drop []brake.Loss) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	now := time.Now()
	came, some := make([]bool, len(losses)), false
	for i, f := range files {
		if n, lost := at[i]; lost {
			came[n] = bs.arrivals.Remove(now, b.id, f.Name)
			some = some || came[n]
			continue
		}
		b.Back(f.Name)
		if !pulled[i] && f.ModifiedBy == self && !f.Deleted && !f.IsInvalid() && !f.IsDirectory() {
			bs.arrivals.Add(now, b.id, f.Name, contents(f))
		}
	}
	if some {
		brake.Mark(losses, came, bs.lost(b, losses), bs.arrivals.Contents(now))
	}
	verdict := b.Offer(now, losses, count, coming)
	if len(drop) == 0 && len(losses) == 0 {
		return files, nil
	}
	var expected []string
	for n, l := range losses {
		if verdict[n] && b.killed[l.Name] {
			delete(b.killed, l.Name)
			b.Back(l.Name) // it does not count
			expected = append(expected, l.Name)
		}
	}
	b.vanished(now, expected)
	out = make([]protocol.FileInfo, 0, len(files))
	for i, f := range files {
		n, lost := at[i]
		switch {
		case !lost, verdict[n]:
			out = append(out, f)
		case b.undo[f.Name], all[n].superseded && all[n].Emptied:
			drop = append(drop, losses[n])
		}
	}
	if len(out) < len(files) {
		bs.nudge()
	}
	return out, drop
}

// lost counts what was lost in all folders, but for some losses of one of them.
func (bs *brakes) lost(of *braked, but []brake.Loss) map[brake.Content]int {
	counts, names := map[brake.Content]int{}, map[string]bool{}
	for _, l := range but {
		names[l.Name] = true
	}
	for _, b := range bs.folders {
		if b == of {
			b.Losses(counts, names)
		} else {
			b.Losses(counts, nil)
		}
	}
	return counts
}

// lossOf reports whether an entry says that a file of ours is gone, or has no
// contents any more, because of what was done on this device.
func (e *Engine) lossOf(folder string, f protocol.FileInfo) (found, bool) {
	emptied := !f.Deleted && f.Type == protocol.FileInfoTypeFile && f.Size == 0
	if !f.Deleted && !emptied || f.ModifiedBy != e.id.Short() || f.IsInvalid() || f.Version.IsEmpty() {
		return found{}, false
	}
	had, ok, err := e.db.GetDeviceFile(folder, protocol.LocalDeviceID, f.Name)
	uncounted := false
	if err == nil && ok && had.IsReceiveOnlyChanged() {
		// It was lost while the folder only received, which nobody was told: what
		// would be lost now is what the others have.
		uncounted = had.Deleted
		mine := had
		had, ok, err = e.db.GetGlobalFile(folder, f.Name)
		if err == nil && e.unknown(folder, mine, had, ok) {
			return found{Loss: brake.Loss{Name: f.Name, Emptied: emptied, Directory: mine.IsDirectory(), Uncounted: uncounted}}, true
		}
	}
	if err == nil && (!ok || had.Deleted || had.IsInvalid() && !had.MustRescan() || emptied && (had.Size == 0 || had.Type != protocol.FileInfoTypeFile)) {
		return found{}, false
	}
	global, ok, err := e.db.GetGlobalFile(folder, f.Name)
	if err == nil && ok && global.Version.Equal(f.Version) {
		return found{}, false // it was pulled
	}
	l := brake.Loss{Name: f.Name, Content: contents(had), Emptied: emptied, Directory: had.IsDirectory(), Uncounted: uncounted}
	return found{Loss: l, superseded: err == nil && ok && !global.Version.Equal(had.Version) && !had.Version.GreaterEqual(global.Version)}, true
}

// isGlobal reports whether an entry is that of a file which came from a peer,
// whoever it says has made it.
func (e *Engine) isGlobal(folder string, f protocol.FileInfo) bool {
	global, ok, err := e.db.GetGlobalFile(folder, f.Name)
	return err == nil && ok && global.Version.Equal(f.Version)
}

// contents stands for what is in a file, by which it is recognised under another
// name. Files without contents are not.
func contents(f protocol.FileInfo) brake.Content {
	if f.Deleted || f.IsDirectory() || !f.IsSymlink() && f.Size == 0 {
		return 0
	}
	return brake.Content(content(f))
}

// filesIn counts the files and symbolic links that the index has of a folder.
func (e *Engine) filesIn(folder string) int {
	c, err := e.db.CountLocal(folder, protocol.LocalDeviceID)
	if err != nil {
		return 0
	}
	return c.Files + c.Symlinks
}

// uncounted counts the files and links among losses that filesIn leaves out.
func uncounted(losses []brake.Loss) (n int) {
	for _, l := range losses {
		if l.Uncounted && !l.Directory {
			n++
		}
	}
	return n
}

// coming counts the changes in a folder that are known of and have yet to be
// looked at.
func (e *Engine) coming(b *braked) int {
	if q, ok := e.watches.queues.Load(b.id); ok {
		catchUp(b.root)
		return q.(*watch.Queue).Len()
	}
	return 0
}

// forget has this device lack what was lost: what is not there, and others have, is
// pulled. An empty file makes room for that.
//
// The entries are those of files that are gone, of a version before all others.
// Without any, the peers would not be told: they would ask here for what nobody
// else has, and wait for this device to delete what it does not have.
func (e *Engine) forget(b *braked, losses []brake.Loss) {
	e.brakes.mu.Lock()
	again := b.left > 0
	e.brakes.mu.Unlock()
	var names, lost []string
	var entries []protocol.FileInfo
	for _, l := range losses {
		if l.Emptied {
			removed, err := e.removeEmpty(b, l.Name)
			if err != nil && !again {
				slog.Error("An empty file cannot be replaced; it is tried again", "folder", b.root, "path", l.Name, "error", err)
			}
			if !removed {
				continue
			}
		}
		names = append(names, l.Name)
		if !l.Directory && !e.elsewhere(b.id, l.Name) {
			lost = append(lost, filepath.ToSlash(l.Name))
		}
		if f, ok, err := e.db.GetDeviceFile(b.id, protocol.LocalDeviceID, l.Name); err == nil && ok {
			f.Deleted, f.Size, f.Blocks, f.BlocksHash, f.SymlinkTarget = true, 0, nil, nil, nil
			f.Version, f.LocalFlags, f.Sequence = protocol.Vector{}, 0, 0
			entries = append(entries, f)
		}
	}
	if err := e.db.enter(b.id, entries); err != nil {
		slog.Error("Files cannot be brought back; it is tried again", "folder", b.root, "error", err)
		return
	}
	e.brakes.mu.Lock()
	defer e.brakes.mu.Unlock()
	for _, name := range names {
		b.Back(name)
	}
	b.lost = append(b.lost, lost...)
}

// elsewhere reports whether a peer is known to have a file.
func (e *Engine) elsewhere(folder, name string) bool {
	devices, err := e.db.ListDevicesForFolder(folder)
	if err != nil {
		return true
	}
	for _, device := range devices {
		if device == protocol.LocalDeviceID {
			continue
		}
		f, ok, err := e.db.GetDeviceFile(folder, device, name)
		if err != nil || ok && !f.Deleted && !f.IsInvalid() {
			return true
		}
	}
	return false
}
