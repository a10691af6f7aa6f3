package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// diskParts are what can be known of a root without its daemon.
func diskParts(r *root.Root) []part {
	parts := []part{
		{gather: func(context.Context) func(*doctor.Facts) { return readConfig(r) }, late: func(f *doctor.Facts) { f.Config.Err = errLate }},
		{gather: func(context.Context) func(*doctor.Facts) { return readIdentity(r) }, late: func(f *doctor.Facts) { f.Identity.Err = errLate }},
		{gather: func(ctx context.Context) func(*doctor.Facts) { return checkState(ctx, r) }, late: func(f *doctor.Facts) { f.State.Unknown = true }},
		{gather: func(context.Context) func(*doctor.Facts) { return lookAtDisk(r) }, late: func(f *doctor.Facts) { f.Disk.Err = errLate }},
		{gather: func(ctx context.Context) func(*doctor.Facts) { return addUpVersions(ctx, r) }, late: func(*doctor.Facts) {}},
		{gather: func(context.Context) func(*doctor.Facts) { return readMember(r) }, late: func(f *doctor.Facts) { f.Member.Err = errLate }},
		{gather: func(context.Context) func(*doctor.Facts) { return lookAtLock(r) }, late: func(f *doctor.Facts) { f.Daemon.HeldErr = errLate }},
		{gather: func(context.Context) func(*doctor.Facts) {
			log := root.End(r.LogPath(), doctor.LogBytes)
			return func(f *doctor.Facts) { f.Log = log }
		}, late: func(*doctor.Facts) {}},
	}
	for _, name := range root.Folders {
		parts = append(parts, part{gather: func(context.Context) func(*doctor.Facts) { return lookAtFolder(r, name) },
			late: func(f *doctor.Facts) { doctorFolder(f, name, func(x *doctor.Folder) { x.Err = errLate }) }})
	}
	return parts
}

func readConfig(r *root.Root) func(*doctor.Facts) {
	cfg, err := r.Config()
	c := doctor.Config{Path: r.ConfigPath(), Err: err, LANOnly: cfg.LANOnly, Relay: cfg.Relay}
	if e, ok := errors.AsType[*api.Error](err); ok {
		c.Hint = e.Hint
	}
	return func(f *doctor.Facts) {
		c.Changed = f.Config.Changed
		f.Config, f.Relay.URL = c, c.Relay
	}
}

func readIdentity(r *root.Root) func(*doctor.Facts) {
	id, err := engine.LoadIdentity(r.IdentityDir())
	out := doctor.Identity{Dir: r.IdentityDir(), ID: id.ID, Missing: errors.Is(err, engine.ErrNoIdentity)}
	if !out.Missing {
		out.Err = err
	}
	for _, path := range []string{r.StateDir(), r.IdentityDir(), filepath.Join(r.IdentityDir(), engine.KeyFile), r.NotifyPath(), r.StatePath()} {
		if info, err := os.Stat(path); err == nil {
			out.Modes = append(out.Modes, doctor.FileMode{Path: path, Mode: info.Mode()})
		}
	}
	return func(f *doctor.Facts) { f.Identity = out }
}

func checkState(ctx context.Context, r *root.Root) func(*doctor.Facts) {
	latest, err := state.Check(ctx, r.StatePath())
	s := doctor.State{Path: r.StatePath(), Latest: latest, Missing: errors.Is(err, fs.ErrNotExist),
		Unknown: ctx.Err() != nil && err != nil, Damaged: errors.Is(err, state.ErrDamaged)}
	if !s.Missing && !s.Unknown {
		s.Err = err
	}
	return func(f *doctor.Facts) { f.State = s }
}

// lookAtDisk sees how much room there is, and whether .botsync can be written to, by
// writing a file of no length.
func lookAtDisk(r *root.Root) func(*doctor.Facts) {
	var d doctor.Disk
	room, err := engine.DiskRoomOf(r.Dir())
	d.Free, d.Total, d.Reserve, d.Err = room.Free, room.Total, room.Reserve(), err
	temp, err := os.CreateTemp(r.StateDir(), atomicfile.TempPrefix+"doctor-*")
	if err == nil {
		err = errors.Join(temp.Close(), os.Remove(temp.Name()))
	}
	d.Writable = err
	return func(f *doctor.Facts) {
		d.Versions, d.VersionsKnown, d.VersionsLimit = f.Disk.Versions, f.Disk.VersionsKnown, f.Disk.VersionsLimit
		f.Disk = d
	}
}

// addUpVersions adds up what old versions take.
func addUpVersions(ctx context.Context, r *root.Root) func(*doctor.Facts) {
	var sum uint64
	err := filepath.WalkDir(r.VersionsDir(), func(_ string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return nil // it has just gone, or is of no use to anybody
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			sum += uint64(info.Size())
		}
		return nil
	})
	return func(f *doctor.Facts) { f.Disk.Versions, f.Disk.VersionsKnown = sum, err == nil }
}

// readMember says whether this device is in a network, from what is on the disk.
func readMember(r *root.Root) func(*doctor.Facts) {
	var out doctor.Member
	var peers []doctor.Peer
	held := map[string]int{}
	m, err := loadMembership(r)
	out.Err, out.Network = err, m.Network != ""
	if m.Pending != nil {
		out.Pending = m.Pending.Until
	}
	if err == nil && out.Network {
		id, _ := engine.LoadIdentity(r.IdentityDir()) // that it cannot be read is told elsewhere
		view, bad, err := offlineRecords(r, m, id.ID)
		out.Err = err
		for _, b := range bad {
			out.Bad = append(out.Bad, doctor.BadRecord{Path: b.Path, Err: b.Err})
		}
		if out.Removed = view.Removal != nil; out.Removed && view.Removal.RemovedBy != id.ID {
			if known, err := loadKnown(r, m); err == nil {
				out.By = known.Records[view.Removal.RemovedBy].Name
			}
		}
		for _, name := range root.Folders {
			if b := engine.KeptBrake(r.EngineDir(), folderID(m.Network, name)); b.Held && !b.Resting {
				held[name] = b.Files
			}
		}
		for _, p := range view.Members {
			peers = append(peers, doctor.Peer{ID: p.ID, Name: p.ShownName, Stock: p.Stock})
		}
	}
	return func(f *doctor.Facts) {
		for name, files := range held {
			if f.Live == nil { // else it says so itself
				doctorFolder(f, name, func(x *doctor.Folder) { x.IsHeld, x.Held = true, files })
			}
		}
		out.Ghosts = f.Member.Ghosts
		if f.Member = out; f.Peers == nil {
			f.Peers = peers
		}
	}
}

// lookAtLock says what the lock tells of the daemon.
func lookAtLock(r *root.Root) func(*doctor.Facts) {
	var d doctor.Daemon
	d.Held, d.HeldErr = r.Held()
	if info, err := r.LockInfo(); err == nil {
		d.PID, d.Version, d.Started = info.PID, info.Version, info.StartedAt
	}
	if d.PID != 0 {
		d.Gone, d.Suspended = processState(d.PID)
		d.Ours = !d.Gone && hasOpen(d.PID, r.LockPath())
	}
	for _, path := range r.Sockets() {
		if d.Socket = lookAtSocket(path); d.Socket.Exists {
			break
		}
	}
	return func(f *doctor.Facts) {
		d.Answers = f.Daemon.Answers
		f.Daemon = d
	}
}

func lookAtSocket(path string) doctor.Socket {
	s := doctor.Socket{Path: path}
	info, err := os.Lstat(path)
	switch {
	case err == nil:
		s.Exists, s.Mode = true, info.Mode()
	case !errors.Is(err, fs.ErrNotExist):
		s.Err = err
	}
	return s
}

// lookAtFolder sees whether a folder's directory is there, with its mark, and can be
// read and written.
func lookAtFolder(r *root.Root, name string) func(*doctor.Facts) {
	dir := r.Folder(name)
	var missing, unmarked bool
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		missing, err = true, nil
	case err == nil && !info.IsDir():
		err = &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a directory")}
	case err == nil:
		_, markErr := os.Stat(filepath.Join(dir, ".stfolder"))
		unmarked = errors.Is(markErr, fs.ErrNotExist)
		err = accessible(dir)
	}
	return func(f *doctor.Facts) {
		doctorFolder(f, name, func(x *doctor.Folder) {
			x.Path, x.Missing, x.Unmarked, x.Err = dir, missing, unmarked, err
		})
	}
}
