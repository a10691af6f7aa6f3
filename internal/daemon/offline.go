package daemon

import (
	"cmp"
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
	records, removals, _, err := network.NewStore(r.NetworkDir()).Read()
	if err != nil {
		return nil, err
	}
	s.Device.Name = cmp.Or(nameIn(records, id.ID), s.Device.Name)
	plan := network.Plan(records, removals, id.ID)
	s.Network = &api.Network{ID: m.Network, Devices: len(plan) + 1}
	for _, p := range plan {
		s.Peers = append(s.Peers, api.Peer{Device: api.Device{ID: p.ID, Name: p.ShownName, Role: p.Role}})
	}
	for _, name := range root.Folders {
		f := api.Folder{Name: name, Path: r.Folder(name), State: api.FolderPaused}
		if err := count(&f); err != nil {
			f.State, f.Error = api.FolderError, err.Error()
			s.Problems = append(s.Problems, folderProblem(f))
		}
		s.Folders = append(s.Folders, f)
	}
	return s, nil
}

// count fills in what a folder holds, as the engine would.
func count(f *api.Folder) error {
	return filepath.WalkDir(f.Path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
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
