package daemon

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

// scope is what a question about old versions is about: a path of one folder, or
// all folders.
type scope struct {
	folders []string // names
	path    string   // within the folder; empty for all of it
}

func scopeOf(p string) (scope, error) {
	if p == "" || p == "." {
		return scope{folders: root.Folders}, nil
	}
	folder, rest, err := splitPath(p)
	if err != nil {
		return scope{}, err
	}
	if rest == "." {
		rest = ""
	}
	return scope{folders: []string{folder}, path: rest}, nil
}

// findings are what this device and others have.
type findings struct {
	versions    []history.Held // by time
	unreachable []api.Device
}

// find asks this device and, unless that is not wanted, those that are connected. The
// times of the query are those of the wall clock, and those of versions are not.
func (d *daemon) find(ctx context.Context, s scope, q history.Query, here bool, timeout time.Duration) (findings, error) {
	own := q
	own.Since = d.clock.said(q.Since)
	mine, err := d.findHere(ctx, s, own)
	if err != nil {
		return findings{}, err
	}
	answers := []history.Answer{{Holder: d.members.self, Versions: mine}}
	var out findings
	if !here {
		theirs, unreachable, err := d.askVersions(ctx, s, q, timeout)
		if err != nil {
			return findings{}, err
		}
		answers, out.unreachable = append(answers, theirs...), unreachable
	}
	out.versions = history.Merge(answers)
	return out, nil
}

func (d *daemon) findHere(ctx context.Context, s scope, q history.Query) ([]history.Version, error) {
	var out []history.Version
	for _, folder := range s.folders {
		q.Folder, q.Path = folder, s.path
		versions, err := d.history.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, versions...)
	}
	return out, nil
}

// History lists old versions.
func (d *daemon) History(ctx context.Context, req api.HistoryRequest) (*api.History, error) {
	s, err := scopeOf(req.Path)
	if err != nil {
		return nil, err
	}
	limit := req.Limit
	if limit == 0 {
		limit = api.DefaultHistory
	}
	q := history.Query{}
	if limit > 0 && !req.Deleted {
		q.Limit = limit + 1
	}
	f, err := d.find(ctx, s, q, req.Here, req.Timeout)
	if err != nil {
		return nil, explain(d.root, err)
	}
	if req.Deleted {
		f.versions = d.deleted(f.versions)
	}
	out := &api.History{Schema: api.Schema, Type: api.TypeHistory, Versions: []api.OldVersion{}, Unreachable: orNone(f.unreachable)}
	if limit > 0 && len(f.versions) > limit {
		f.versions, out.More = f.versions[len(f.versions)-limit:], true
	}
	shown := d.clock.shown()
	for _, v := range f.versions {
		v.Time = shown(v.Time)
		out.Versions = append(out.Versions, d.oldVersion(v))
	}
	return out, nil
}

func (d *daemon) oldVersion(v history.Held) api.OldVersion {
	out := api.OldVersion{Path: path.Join(v.Folder, v.Path), Time: v.Time, Change: api.ActionChanged, Device: d.whoIs(v.By),
		Kind: kindOf(v.Version), Size: v.Size, Modified: v.Modified, Peers: []api.Device{}}
	if v.Deleted {
		out.Change = api.ActionDeleted
	}
	for _, id := range v.Holders {
		if id == d.members.self {
			out.Here = true
		} else {
			out.Peers = append(out.Peers, *d.members.device(id))
		}
	}
	return out
}

func kindOf(v history.Version) string {
	if v.Symlink {
		return api.KindSymlink
	}
	return api.KindFile
}

// whoIs describes the device with a short ID; nil if there is no ID.
func (d *daemon) whoIs(short string) *api.Device {
	if short == "" {
		return nil
	}
	if by := d.changedBy(short); by != nil {
		return by
	}
	for id := range d.members.records().Records {
		if engine.ShortID(id) == short {
			return d.members.device(id)
		}
	}
	return &api.Device{ID: short}
}

// isThere reports whether anything is at a path.
func (d *daemon) isThere(folder, p string) bool {
	_, err := os.Lstat(filepath.Join(d.root.Folder(folder), filepath.FromSlash(p)))
	return err == nil
}

// stateOf is how a file is now, and who made it so.
func (d *daemon) stateOf(folder, p string) history.State {
	var out history.State
	info, err := os.Lstat(filepath.Join(d.root.Folder(folder), filepath.FromSlash(p)))
	if err == nil {
		out = history.State{There: true, Size: info.Size(), Modified: info.ModTime()}
	}
	m, _, _ := d.members.current()
	f, ok, err := d.engine.Local(folderID(m.Network, folder), p)
	if err != nil || !ok {
		out.Unsettled = out.There
		return out
	}
	out.By = f.ModifiedBy
	// What the index says is what was looked at last.
	out.Unsettled = out.There == f.Deleted || out.There && !f.Symlink && !f.Directory && (f.Size != out.Size || !f.Modified.Equal(info.ModTime()))
	return out
}

// receiveOnly reports whether what is put into a folder stays on this device.
func (d *daemon) receiveOnly(folder string) bool { return d.self().Role.ReceiveOnly(folder) }

// others are the members that can be asked, and those that cannot now.
func (d *daemon) others() (reachable, away []api.Device) {
	_, plan, _ := d.members.current()
	for _, o := range devices(plan) {
		switch {
		case o.Stock:
		case d.engine.Connected(o.ID) && d.peers.isAccepted(o.ID):
			reachable = append(reachable, o)
		default:
			away = append(away, o)
		}
	}
	return reachable, away
}

// othersSoon is others, when those are back whose connections have just ended, or this
// daemon has just begun.
func (d *daemon) othersSoon(ctx context.Context, timeout time.Duration) (reachable, away []api.Device) {
	if timeout <= 0 || timeout > comeBack {
		timeout = comeBack
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_ = d.bell.await(ctx, func() (bool, error) {
		reachable, away = d.others()
		now := time.Now()
		return now.Sub(d.started) >= comeBack && !slices.ContainsFunc(away, func(o api.Device) bool { return d.peers.lostLately(o.ID, now) }) || len(away) == 0, nil
	})
	return d.others()
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clip(list)
}
