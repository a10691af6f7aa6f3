package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

// delivery is what was sent, and what of it each peer still lacks.
type delivery struct {
	id, folder string
	puts       []root.Put
	at         map[string]int // by path
	versions   []engine.FileVersion
	lacks      map[string][]int // by device ID: indexes of puts
	order      []api.Device
}

func newDelivery(w *wantedPath) *delivery {
	return &delivery{id: w.id, folder: w.folder, at: map[string]int{}, lacks: map[string][]int{}}
}

func (v *delivery) add(p root.Put) {
	v.at[p.Path] = len(v.puts)
	v.puts = append(v.puts, p)
}

// rel is the path of a put within the folder.
func (v *delivery) rel(p root.Put) string { return strings.TrimPrefix(p.Path, v.folder+"/") }

// expect makes a peer one that has to get everything.
func (v *delivery) expect(p api.Device) {
	if _, ok := v.lacks[p.ID]; ok {
		return
	}
	all := make([]int, len(v.puts))
	for i := range all {
		all[i] = i
	}
	v.lacks[p.ID] = all
	v.order = append(v.order, p)
}

// settle strikes out what peers have, and reports whether nothing is left.
func (v *delivery) settle(has func(peer string, put int) (bool, error), received func(root.Put, api.Device)) (bool, error) {
	done := true
	for _, peer := range v.order {
		var left []int
		for n, i := range v.lacks[peer.ID] {
			ok, err := has(peer.ID, i)
			if err != nil {
				v.lacks[peer.ID] = append(left, v.lacks[peer.ID][n:]...)
				return false, err
			}
			if ok {
				received(v.puts[i], peer)
			} else {
				left = append(left, i)
			}
		}
		v.lacks[peer.ID] = left
		done = done && len(left) == 0
	}
	return done, nil
}

// missing says what of the delivery has not arrived.
func (v *delivery) missing(connected func(id string) bool) []api.Lack {
	var out []api.Lack
	for _, peer := range v.order {
		if len(v.lacks[peer.ID]) == 0 {
			continue
		}
		l := api.Lack{Device: peer, Connected: connected(peer.ID), Files: len(v.lacks[peer.ID]), Names: []string{}}
		for _, i := range v.lacks[peer.ID] {
			l.Bytes += v.puts[i].Size
			if len(l.Names) < shownNames {
				l.Names = append(l.Names, v.puts[i].Path)
			}
		}
		if !l.Connected {
			l.Why = "it is not connected"
		}
		out = append(out, l)
	}
	return out
}

// deliver waits until the named peers, or all that are connected, have exactly
// what was sent.
func (d *daemon) deliver(ctx context.Context, v *delivery, named []api.Device, received func(root.Put, api.Device)) error {
	for _, p := range v.puts {
		version, err := d.sentVersion(v, p)
		if err != nil {
			return err
		}
		v.versions = append(v.versions, version)
	}
	for _, p := range named {
		v.expect(p)
	}
	err := d.bell.await(ctx, func() (bool, error) {
		_, plan, _ := d.members.current()
		members := devices(plan)
		if len(named) == 0 {
			for _, p := range members {
				if !d.engine.Connected(p.ID) {
					continue
				}
				shared, known, err := d.sharedBy(p.Stock, p.ID, []string{v.id})
				if err != nil || !known {
					return false, err
				}
				if len(shared) > 0 {
					v.expect(p)
				}
			}
		}
		for _, p := range v.order {
			if !slices.ContainsFunc(members, func(m api.Device) bool { return m.ID == p.ID }) {
				return false, api.Errorf(api.CodeNoPeers, `Run "botsync status" for those that are.`, "%s belongs to the network no more", p.Name)
			}
		}
		if len(v.order) == 0 && time.Since(d.started) > connectGrace {
			return false, nobodyConnected(members)
		}
		done, err := v.settle(func(peer string, i int) (bool, error) {
			return d.engine.Has(peer, v.id, v.rel(v.puts[i]), v.versions[i])
		}, received)
		return done && len(v.order) > 0, err
	})
	if outOfTime(ctx, err) && len(v.order) == 0 {
		_, plan, _ := d.members.current()
		return nobodyConnected(devices(plan))
	}
	if outOfTime(ctx, err) {
		e := api.Errorf(api.CodeTimeout, "The files are in place and go on being synced: botsync wait --synced waits for them.",
			"the time ran out before everything had arrived")
		e.Missing = v.missing(d.engine.Connected)
		return e
	}
	return err
}

// sentVersion is the version that the index gave what was sent. A peer can have
// been faster than this look: what it made of the file has a version that comes
// after.
func (d *daemon) sentVersion(v *delivery, p root.Put) (engine.FileVersion, error) {
	f, ok, err := d.engine.Local(v.id, v.rel(p))
	if err != nil {
		return engine.FileVersion{}, err
	}
	byPeer := f.ModifiedBy != engine.ShortID(d.members.self)
	if ok && (byPeer || !f.Deleted && f.Size == p.Size) || ok && p.Dir {
		return f.Version, nil
	}
	why := "something here took it away or changed it at once"
	if !ok {
		if why, ok = d.keptOut(v.id, v.folder, v.rel(p)); !ok {
			why = d.whyFailed(v.id, v.folder, v.rel(p))
		}
	}
	return engine.FileVersion{}, api.Errorf(api.CodeFolderError, fmt.Sprintf("Look at %s.", p.Path),
		"nobody gets %s: %s", p.Path, why)
}
