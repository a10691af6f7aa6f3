package daemon

import (
	"context"
	"reflect"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

// connectGrace is how long after the start of the daemon peers are given to
// connect before it counts that none is connected.
const connectGrace = 10 * time.Second

// WaitSynced looks at the disk and returns when the peers that count have
// everything that was on it, and this device has everything that they have.
func (d *daemon) WaitSynced(ctx context.Context, req api.SyncedRequest, progress func(api.SyncedLine)) (*api.SyncedLine, error) {
	named, err := d.awaited(req.Peers)
	if err != nil {
		return nil, err
	}
	folders, err := d.folders()
	if err != nil {
		return nil, err
	}
	ctx, cancel := waiting(ctx, req.Timeout)
	defer cancel()
	if err := d.lookAtAll(ctx, folders); err != nil {
		return nil, err
	}
	t := newTally(named)
	var line, told api.SyncedLine
	err = d.bell.await(ctx, func() (bool, error) {
		peers, err := d.completions(folders)
		if err != nil {
			return false, err
		}
		// After the peers: what they told a moment ago may be lacking here.
		here, err := d.lack(folders)
		if err != nil {
			return false, err
		}
		var done bool
		line, done = t.judge(here, peers)
		if line.LocalChanges, err = d.slips(folders); err != nil {
			return false, err
		}
		if len(line.Peers) == 0 && time.Since(d.started) > connectGrace {
			return false, nobodyConnected(line.Offline)
		}
		if here.Why == lookedAt {
			return false, nil // nothing that anyone has to be told of
		}
		if !done && !sameLacks(line, told) {
			told = line
			progress(line)
		}
		return done, nil
	})
	if outOfTime(ctx, err) && len(line.Peers) == 0 {
		return nil, nobodyConnected(line.Offline)
	}
	if outOfTime(ctx, err) {
		return nil, notSynced(line)
	}
	if err != nil {
		return nil, err
	}
	return &line, nil
}

func sameLacks(a, b api.SyncedLine) bool {
	a.Time = b.Time
	return reflect.DeepEqual(a, b)
}

// peerCompletion is what is known of one peer.
type peerCompletion struct {
	api.Device
	engine.Completion
	Unshared bool // it is connected, and shares no folder with this device
}

// tally keeps who counts and who had everything.
type tally struct {
	named  bool
	counts map[string]bool // by device ID; once connected a peer counts, also when it goes
	had    map[string]bool // everything that is known of
}

func newTally(named []api.Device) *tally {
	t := &tally{named: len(named) > 0, counts: map[string]bool{}, had: map[string]bool{}}
	for _, p := range named {
		t.counts[p.ID] = true
	}
	return t
}

// judge says whether the peers that count have everything. A peer that had, and
// went, still has as long as nothing has changed.
func (t *tally) judge(here api.Lack, peers []peerCompletion) (line api.SyncedLine, done bool) {
	line = api.SyncedLine{Schema: api.Schema, Type: api.TypeProgress, Time: time.Now(), Peers: []api.Lack{}, Offline: []api.Device{}}
	if done = here.Nothing(); !done {
		line.Here = &here
	}
	for _, p := range peers {
		if p.Connected && !t.named && !p.Unshared {
			t.counts[p.ID] = true
		}
		if !t.counts[p.ID] {
			if !p.Connected || p.Unshared {
				line.Offline = append(line.Offline, p.Device)
			}
			continue
		}
		lack := api.Lack{Device: p.Device, Connected: p.Connected, Files: p.NeedItems, Bytes: p.NeedBytes, Names: noNil(p.Names), LocalChanges: p.Slips}
		nothing := p.NeedItems == 0 && p.NeedBytes == 0
		switch {
		case p.Unshared:
			lack.Why = unshared
		case p.Connected && p.Known && nothing:
			t.had[p.ID] = true
		case t.had[p.ID] && nothing && !p.Connected:
		case !p.Connected:
			lack.Why = "it is not connected"
		case !p.Known:
			lack.Why = "it has not told yet what it has"
		}
		line.Peers = append(line.Peers, lack)
		done = done && lack.Nothing()
	}
	return line, done && len(line.Peers) > 0
}

func noNil(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

func (d *daemon) completions(folders []string) ([]peerCompletion, error) {
	_, plan, _ := d.members.current()
	if len(plan) == 0 {
		return nil, noPeers()
	}
	var out []peerCompletion
	for _, p := range devices(plan) {
		shared, known, err := d.sharedBy(p.Stock, p.ID, folders)
		if err != nil {
			return nil, err
		}
		c, err := d.engine.Completion(p.ID, shared, shownNames)
		if err != nil {
			return nil, err
		}
		out = append(out, seenOf(p, c, shared, known))
	}
	return out, nil
}

// seenOf says what is known of a peer that shares some folders. As long as it is
// not known of all, it may lack more than c says.
func seenOf(p api.Device, c engine.Completion, shared []string, known bool) peerCompletion {
	c.Known = c.Known && known
	return peerCompletion{p, c, known && c.Connected && len(shared) == 0}
}

// lookedAt is why it is not known for a moment what this device lacks.
const lookedAt = "its disk is being looked at"

// lack says what this device lacks. A folder that is stopped is an error: it
// would have to be waited for until somebody mends it.
func (d *daemon) lack(folders []string) (api.Lack, error) {
	l := api.Lack{Device: d.self(), Connected: true}
	for i, id := range folders {
		failed, known, err := d.engine.Fault(id)
		if err != nil {
			return l, folderStopped(root.Folders[i], err)
		}
		b := d.engine.Brake(id)
		if b.Held && !b.Deciding && !b.Resting {
			return l, heldError(root.Folders[i], *heldIn(root.Folders[i], b))
		}
		if b.Deciding && l.Why == "" {
			l.Why = "what vanished from " + root.Folders[i] + "/ is being decided about"
		}
		known = known && !b.Judging && !d.engine.CopyComing(id)
		if len(failed) > 0 && (l.Why == "" || l.Why == lookedAt) {
			first := failedFile(root.Folders[i], failed[0])
			l.Why = first.Path + ": " + first.Reason
		} else if !known && l.Why == "" {
			l.Why = lookedAt
		}
	}
	c, err := d.engine.Lacking(folders, shownNames)
	l.Files, l.Bytes, l.Names = c.NeedItems, c.NeedBytes, noNil(c.Names)
	return l, err
}

func nobodyConnected(offline []api.Device) *api.Error {
	e := api.Errorf(api.CodeUnreachable, "Start botsync on one of them, or name one with --peer to wait for it.",
		"no peer is connected, so that nobody can say what has arrived")
	for _, p := range offline {
		e.Missing = append(e.Missing, api.Lack{Device: p, Names: []string{}, Why: "it is not connected"})
	}
	return e
}

// notSynced is the error for a wait whose time ran out.
func notSynced(line api.SyncedLine) *api.Error {
	e := api.Errorf(api.CodeTimeout, "Files go on being synced; wait again, with a longer --timeout.",
		"the time ran out before everything was synced")
	if line.Here != nil {
		e.Missing = append(e.Missing, *line.Here)
	}
	for _, p := range line.Peers {
		if !p.Nothing() {
			e.Missing = append(e.Missing, p)
		}
	}
	return e
}
