package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// Log says what happened, the latest last.
func (d *daemon) Log(ctx context.Context, req api.LogRequest) ([]api.Event, error) {
	d.recorder.settled(ctx)
	_, plan, _ := d.members.current()
	return readLog(ctx, d.state, req, append(devices(plan), d.self()))
}

// OfflineLog is the log of a root whose daemon does not run.
func OfflineLog(ctx context.Context, dir string, req api.LogRequest) ([]api.Event, error) {
	st, err := OfflineStatus(dir, "")
	if err != nil {
		return nil, err
	}
	r, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(r.StatePath()); errors.Is(err, fs.ErrNotExist) {
		return []api.Event{}, nil // nothing has happened yet
	}
	db, err := state.Open(ctx, r.StatePath())
	if err != nil {
		if errors.Is(err, state.ErrDamaged) {
			err = damaged("Move it away and start again: the log and open invites are lost, files and devices are not.", r.StatePath(), err)
		}
		return nil, explain(r, err)
	}
	defer db.Close()
	members := []api.Device{st.Device}
	for _, p := range st.Peers {
		members = append(members, p.Device)
	}
	return readLog(ctx, db, req, members)
}

// activityReader is what the log is read from.
type activityReader interface {
	Activity(ctx context.Context, q state.ActivityQuery) ([]api.Event, error)
}

func readLog(ctx context.Context, db activityReader, req api.LogRequest, members []api.Device) ([]api.Event, error) {
	q := state.ActivityQuery{After: req.After, Since: req.Since, Limit: req.Limit}
	if !req.All {
		q.Types = []string{api.EventFileReceived, api.EventFileChanged}
	}
	if q.Limit == 0 && req.After == 0 && req.Since.IsZero() {
		q.Limit = api.DefaultLog
	}
	q.Limit = max(q.Limit, 0)
	q.Latest = q.Limit > 0
	if req.Path != "" {
		folder, rest, err := splitPath(req.Path)
		if err != nil {
			return nil, err
		}
		if q.Folder = folder; rest != "." {
			q.Path = rest
		}
	}
	if req.By != "" {
		by, err := whoever(ctx, db, req.By, members)
		if err != nil {
			return nil, err
		}
		q.Device = by.ID
	}
	events, err := db.Activity(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Latest {
		slices.Reverse(events)
	}
	if events == nil {
		events = []api.Event{}
	}
	return events, nil
}

// whoever finds a device that is or was a member.
func whoever(ctx context.Context, db activityReader, name string, members []api.Device) (api.Device, error) {
	candidates := slices.Clone(members)
	added, err := db.Activity(ctx, state.ActivityQuery{Types: []string{api.EventPeerAdded}})
	if err != nil {
		return api.Device{}, err
	}
	for _, e := range added {
		if e.Device != nil && !slices.ContainsFunc(candidates, func(d api.Device) bool { return d.ID == e.Device.ID }) {
			candidates = append(candidates, *e.Device)
		}
	}
	found, err := choose([]string{name}, api.Device{}, candidates)
	if err != nil {
		return api.Device{}, err
	}
	return found[0], nil
}
