package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

func (d *daemon) self() api.Device {
	return api.Device{ID: d.members.self, Name: d.members.named(d.config.Name), Role: d.members.role(d.config.Role)}
}

// Status says how everything is.
func (d *daemon) Status(ctx context.Context) (*api.Status, error) {
	m, plan, bad := d.members.current()
	s := &api.Status{
		Schema: api.Schema, Version: d.version, Engine: engine.Version(), State: api.StateRunning,
		Root: d.root.Dir(), Device: d.self(),
		Folders: []api.Folder{}, Peers: []api.Peer{}, Invites: d.invites.list(), Problems: []api.Problem{},
	}
	var folders []string
	disks := []onDisk{{dir: d.root.Dir()}}
	if m.Network != "" {
		s.Network = &api.Network{ID: m.Network, Devices: len(plan) + 1}
		for _, name := range root.Folders {
			folders = append(folders, folderID(m.Network, name))
			f, problems, lacks := d.folder(folderID(m.Network, name), name)
			disks = append(disks, onDisk{f.Path, lacks})
			s.Folders = append(s.Folders, f)
			s.Problems = append(s.Problems, problems...)
		}
	}
	s.Problems = slices.Insert(s.Problems, 0, diskProblems(disks)...) // the cause of others
	for _, member := range plan {
		p, err := d.peer(member, folders)
		if err != nil {
			return nil, err
		}
		s.Peers = append(s.Peers, p)
		if shared, known, err := d.sharedBy(member.Stock, member.ID, folders); err == nil && known && p.Connected && len(shared) == 0 {
			s.Problems = append(s.Problems, unsharedProblem(p.Device))
		}
	}
	s.Problems = append(s.Problems, d.clock.problems()...)
	s.Problems = append(s.Problems, d.problems(m, bad, s.Invites)...)
	s.Problems = append(s.Problems, d.watchProblems()...)
	s.Problems = append(s.Problems, d.ignoreProblems()...)
	s.Problems = append(s.Problems, d.nameProblems(plan, folders)...)
	s.Problems = append(s.Problems, d.notifyProblems(ctx)...)
	return s, nil
}

// folder says how a folder is, and whether there is no room for some of its files.
func (d *daemon) folder(id, name string) (f api.Folder, problems []api.Problem, lacks bool) {
	f = api.Folder{Name: name, Path: d.root.Folder(name)}
	st, err := d.engine.Folder(id)
	if err != nil {
		f.State, f.Error = api.FolderError, err.Error()
		return f, []api.Problem{folderProblem(f)}, false
	}
	f.State, f.Files, f.Bytes = st.State, st.Files, st.Bytes
	f.NeedFiles, f.NeedBytes, f.Conflicts = st.NeedItems, st.NeedBytes, st.Conflicts
	f.ReceiveOnly, f.LocalChanges = st.ReceiveOnly, len(st.Slips)
	d.ignoredOf(&f, id)
	f.Changes = localChanges(name, st.Slips[:min(len(st.Slips), shownNames)])
	if b := d.engine.Brake(id); b.Held && !b.Resting {
		f.State, f.Held = api.FolderHeld, heldIn(name, b)
		problems = append(problems, heldProblem(name, *f.Held))
	} else if b.Judging && f.State == api.FolderIdle {
		f.State = api.FolderScanning
	}
	if st.Err != nil {
		f.State, f.Error = api.FolderError, st.Err.Error()
		return f, append(problems, folderProblem(f)), false
	}
	failed, lacks := failedFiles(&f, st.Failed)
	return f, append(problems, failed...), lacks
}

func folderProblem(f api.Folder) api.Problem {
	hint := "Put the directory back with its files and its .stfolder, or free what keeps it from being read."
	message := f.Name + " is not synced: " + f.Error
	switch { // Syncthing's words
	case strings.Contains(f.Error, "insufficient space"):
		hint = makeRoom
	case strings.Contains(f.Error, "folder path missing"):
		message = f.Name + " is not synced: folder path missing: it was deleted or moved, or its disk is not mounted. No other device was told that its files are gone."
		hint = awayHint(f)
	case strings.Contains(f.Error, "folder marker missing"):
		message = f.Name + " is not synced: folder marker missing: another directory is in its place, such as an empty mount point, or its .stfolder was deleted. No other device was told that files are gone."
		hint = awayHint(f)
	}
	return api.Problem{Code: "folder_error", Message: message, Hint: hint}
}

// awayHint says what to do if the directory of a folder is not there.
func awayHint(f api.Folder) string {
	hint := "Mount the disk, or put the directory back with its files and its .stfolder."
	return hint + fmt.Sprintf(` If they are lost, "botsync resume %s --undo" brings the files back from the other devices.`, f.Name)
}

func (d *daemon) peer(m network.Member, folders []string) (api.Peer, error) {
	p := api.Peer{Device: shownAs(m)}
	folders, _, err := d.sharedBy(m.Stock, m.ID, folders)
	if err != nil {
		return p, err
	}
	st, err := d.engine.Peer(m.ID, folders)
	if err != nil {
		return p, err
	}
	p.Connected, p.NeedFiles, p.NeedBytes = st.Connected, st.NeedItems, st.NeedBytes
	if st.Connected {
		p.Address, p.Via = st.Address, api.ViaDirect
		if st.Local {
			p.Via = api.ViaLAN
		}
		if st.Relayed {
			p.Via = api.ViaRelay
		}
		now := time.Now().UTC().Truncate(time.Second)
		p.LastSeen = &now
	} else if !st.LastSeen.IsZero() {
		seen := st.LastSeen.UTC()
		p.LastSeen = &seen
	}
	return p, nil
}

// watchProblems are what keeps changes here from being noticed at once.
func (d *daemon) watchProblems() []api.Problem {
	var out []api.Problem
	for _, p := range d.engine.WatchProblems() {
		folders := shown(p.Folders)
		if len(folders) == 0 {
			continue // records of devices come late, which nobody waits for
		}
		out = append(out, api.Problem{Code: "watch_limit",
			Message: fmt.Sprintf("Changes in %s are noticed late: %s.", strings.Join(folders, ", "), p.Message),
			Hint:    fmt.Sprintf("Run %q, and put %q into /etc/sysctl.d/90-botsync.conf to keep it so; botsync notices by itself.", p.Command, p.File)})
	}
	return out
}

// shown leaves out the folder that users do not see.
func shown(folders []string) []string {
	return slices.DeleteFunc(folders, func(name string) bool { return !slices.Contains(root.Folders, name) })
}

// problems are those that do not belong to a folder.
func (d *daemon) problems(m network.Membership, bad []network.BadFile, open []api.Invite) []api.Problem {
	var out []api.Problem
	if m.Network == "" {
		out = append(out, api.Problem{Code: "no_network", Message: "This root is not in a network yet.",
			Hint: `Run "botsync invite" for a code, or "botsync join CODE".`})
	}
	if m.Pending != nil {
		out = append(out, api.Problem{Code: "join_pending",
			Message: "A join is not complete: the other side has not been reached since.",
			Hint: fmt.Sprintf("botsync goes on trying until %s; joining again with the same code is safe.",
				m.Pending.Until.Format(time.TimeOnly))})
	}
	out = append(out, d.memberProblems(bad)...)
	listeners := d.engine.ListenErrors()
	for _, address := range slices.Sorted(maps.Keys(listeners)) {
		out = append(out, api.Problem{Code: "listen_failed", Message: fmt.Sprintf("Nobody can connect at %s: %s", address, listeners[address]),
			Hint: "Restart botsync; if it stays, see which program uses the port."})
	}
	for _, inv := range open {
		for _, w := range inv.Ways {
			if !w.OK && !w.Trying {
				out = append(out, api.Problem{Code: "meeting_failed",
					Message: fmt.Sprintf("An invite cannot be redeemed by %s (%s): %s", w.Name, w.Target, w.Error),
					Hint:    "The other ways go on, and this one is tried again; check the network and the relay's URL."})
			}
		}
	}
	return out
}
