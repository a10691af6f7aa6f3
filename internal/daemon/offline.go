package daemon

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// OfflineStatus says how a root is whose daemon does not run, from what is on
// disk. What only the engine knows, such as what peers need, is not in it.
func OfflineStatus(dir, version string) (*api.Status, error) {
	r, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	cfg, err := r.Config()
	if err != nil {
		return nil, err
	}
	m, err := loadMembership(r)
	if err != nil {
		return nil, err
	}
	id, err := engine.LoadIdentity(r.IdentityDir())
	if err != nil && (!errors.Is(err, engine.ErrNoIdentity) || m.Network != "") {
		_, err = openIdentity(r, m)
		return nil, err
	}
	s := &api.Status{
		Schema: api.Schema, Version: version, Engine: engine.Version(), State: api.StateStopped, Root: r.Dir(),
		Device:  api.Device{ID: id.ID, Name: cfg.Name, Role: cfg.Role},
		Folders: []api.Folder{}, Peers: []api.Peer{}, Invites: []api.Invite{}, Problems: []api.Problem{},
	}
	if m.Network == "" {
		return s, nil
	}
	view, err := offlineView(r, m, id.ID)
	if err != nil {
		return nil, err
	}
	if view.Self != nil {
		s.Device = shownAs(*view.Self)
	}
	if view.Removal != nil {
		s.Problems = append(s.Problems, removedProblem())
	}
	s.Network = &api.Network{ID: m.Network, Devices: len(view.Members) + 1}
	for _, p := range view.Members {
		s.Peers = append(s.Peers, api.Peer{Device: shownAs(p)})
	}
	for _, name := range root.Folders {
		f := api.Folder{Name: name, Path: r.Folder(name), State: api.FolderPaused, ReceiveOnly: s.Device.Role.ReceiveOnly(name)}
		if err := count(&f); err != nil {
			f.State, f.Error = api.FolderError, err.Error()
			s.Problems = append(s.Problems, folderProblem(f))
		}
		if b := engine.KeptBrake(r.EngineDir(), folderID(m.Network, name)); b.Held && !b.Resting {
			f.Held = heldIn(name, b)
			s.Problems = append(s.Problems, heldProblem(name, *f.Held))
		}
		s.Folders = append(s.Folders, f)
	}
	return s, nil
}

// offlineView is who belongs to the network, as far as the disk says.
func offlineView(r *root.Root, m network.Membership, self string) (network.View, error) {
	known, err := loadKnown(r, m)
	if err != nil {
		return network.View{}, err
	}
	seen, err := openStore(r).Read(known)
	if err != nil {
		return network.View{}, err
	}
	return network.Plan(network.Merge(known, seen, self).Known, self), nil
}

// count fills in what a folder holds, as the engine would.
func count(f *api.Folder) error {
	set := offlineIgnores(f.Path)
	return filepath.WalkDir(f.Path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.Path, path)
		if err != nil {
			return err
		}
		if v := set.Match(filepath.ToSlash(rel)); v.Ignored {
			if e.IsDir() && !v.Whole {
				return nil
			}
			if f.Ignored++; e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".st") && filepath.Dir(path) == f.Path {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil // gone since the listing
		}
		f.Files++
		if info.Mode().IsRegular() {
			f.Bytes += info.Size()
		}
		if engine.IsConflictCopy(e.Name()) {
			f.Conflicts++
		}
		return nil
	})
}
