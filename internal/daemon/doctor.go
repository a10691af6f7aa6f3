package daemon

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

const (
	// doctorPatience bounds what an examination waits for: a disk or a relay that do
	// not answer.
	doctorPatience = 4 * time.Second
	// notifyPatience is likewise for targets of notifications, which are only asked
	// where that is wanted: a gateway has to wake up first.
	notifyPatience = 20 * time.Second
	// doctorGrace is for those that heed their end, and know better what was late.
	doctorGrace = 300 * time.Millisecond
)

// errLate says that something was not known in time.
var errLate = errors.New("the time ran out")

// part gathers some of the facts. It may block, also on a disk that answers no
// more, so it touches no facts itself: what it returns takes them over.
type part struct {
	gather func(ctx context.Context) func(*doctor.Facts)
	late   func(*doctor.Facts) // if the time runs out
	// run is what runs it: the daemon waits for what uses its parts. What only
	// looks at the disk has none, lest a disk that hangs keeps a daemon from ending.
	run func(func())
}

// collect runs all parts at the same time, and gives each as long as there is. One
// that is still blocked then stays behind: it holds nothing, and nobody reads what it
// returns.
func collect(ctx context.Context, f *doctor.Facts, patience time.Duration, parts []part) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type done struct {
		n    int
		take func(*doctor.Facts)
	}
	finished := make(chan done, len(parts))
	for n, p := range parts {
		run := p.run
		if run == nil {
			run = func(do func()) { go do() }
		}
		run(func() { finished <- done{n, p.gather(ctx)} })
	}
	missing := make(map[int]bool, len(parts))
	for n := range parts {
		missing[n] = true
	}
	deadline := time.NewTimer(patience + doctorGrace)
	defer deadline.Stop()
	for len(missing) > 0 {
		select {
		case d := <-finished:
			d.take(f)
			delete(missing, d.n)
		case <-deadline.C:
			for n := range missing {
				parts[n].late(f)
			}
			return
		}
	}
}

func newFacts(dir, version string, req api.DoctorRequest) doctor.Facts {
	return doctor.Facts{Now: time.Now(), Command: req.Version, Version: version, Engine: engine.Version(), Go: runtime.Version(),
		OS: runtime.GOOS, Arch: runtime.GOARCH, Root: dir}
}

func answerOf(f doctor.Facts, req api.DoctorRequest) *api.Doctor {
	result := doctor.Examine(f)
	out := result.Answer()
	if req.Report {
		out.ReportText = result.Report()
	}
	return out
}

// Doctor says why something is not synced.
func (d *daemon) Doctor(ctx context.Context, req api.DoctorRequest) (*api.Doctor, error) {
	f := newFacts(d.root.Dir(), d.version, req)
	f.Live = &doctor.Live{}
	parts := append(diskParts(d.root), d.liveParts(req)...)
	if relay := d.config.Relay; relay != "" && !d.config.LANOnly {
		parts = append(parts, relayPart(relay))
	}
	patience := doctorPatience
	if req.Notify {
		patience = notifyPatience
	}
	collect(ctx, &f, patience, parts)
	f.Daemon.Answers, f.Daemon.Held = true, true
	f.Daemon.Version = d.version
	// What the daemon runs with may be another than what is on the disk.
	f.Identity.Other = f.Identity.ID != "" && f.Identity.ID != d.members.self
	if f.Member.Err == nil && !f.Member.Network {
		f.Folders = nil // they are made, and not synced
	}
	return answerOf(f, req), nil
}

// liveParts are what only the running daemon knows.
func (d *daemon) liveParts(req api.DoctorRequest) []part {
	parts := []part{
		{gather: d.gatherStatus, late: func(f *doctor.Facts) {
			f.Problems = append(f.Problems, api.Problem{Code: "status", Message: "botsync status does not answer in time.", Hint: "botsync stop, then: botsync start"})
		}},
		{gather: d.gatherNetwork, late: func(*doctor.Facts) {}},
		{gather: d.askClocks, late: func(*doctor.Facts) {}},
		{gather: func(ctx context.Context) func(*doctor.Facts) { return d.gatherTargets(ctx, req.Notify) },
			late: func(f *doctor.Facts) { f.TargetsErr = errLate }},
		{gather: d.gatherConfig, late: func(*doctor.Facts) {}},
	}
	for i := range parts {
		parts[i].run = d.group.Go
	}
	return parts
}

// gatherStatus takes over what status says.
func (d *daemon) gatherStatus(ctx context.Context) func(*doctor.Facts) {
	st, err := d.Status(ctx)
	if err != nil {
		return func(f *doctor.Facts) {
			f.Problems = append(f.Problems, api.Problem{Code: "status", Message: "botsync status fails: " + err.Error(), Hint: "botsync stop, then: botsync start"})
		}
	}
	var peers []doctor.Peer
	for _, p := range st.Peers {
		peers = append(peers, d.examinedPeer(p))
	}
	return func(f *doctor.Facts) {
		f.Problems, f.Peers = append(f.Problems, st.Problems...), peers
		for _, s := range st.Folders {
			doctorFolder(f, s.Name, func(x *doctor.Folder) {
				x.Path, x.State, x.Stopped = s.Path, s.State, s.Error
				x.NeedFiles, x.NeedBytes, x.Conflicts, x.Local = s.NeedFiles, s.NeedBytes, s.Conflicts, s.LocalChanges
				if s.Held != nil {
					x.IsHeld, x.Held, x.Deciding = true, s.Held.Files, s.Held.Busy
				}
				x.Ignored, x.IgnoredKnown = s.Ignored, s.IgnoredAt != nil
				x.Failed, x.FailedFiles = s.FailedTotal, s.Failed
			})
		}
		for _, inv := range st.Invites {
			for _, w := range inv.Ways {
				way := doctor.Way{Name: w.Name, Target: w.Target, Open: w.OK}
				if !w.OK && !w.Trying {
					way.Err = cmp.Or(w.Error, "it is not open")
				}
				f.Live.Invites = append(f.Live.Invites, way)
			}
		}
	}
}

// doctorFolder changes what is known of a folder, which need not be known at all yet.
func doctorFolder(f *doctor.Facts, name string, change func(*doctor.Folder)) {
	i := slices.IndexFunc(f.Folders, func(x doctor.Folder) bool { return x.Name == name })
	if i < 0 {
		f.Folders = append(f.Folders, doctor.Folder{Name: name})
		slices.SortFunc(f.Folders, func(a, b doctor.Folder) int {
			return cmp.Compare(slices.Index(root.Folders, a.Name), slices.Index(root.Folders, b.Name))
		})
		i = slices.IndexFunc(f.Folders, func(x doctor.Folder) bool { return x.Name == name })
	}
	change(&f.Folders[i])
}

func (d *daemon) examinedPeer(p api.Peer) doctor.Peer {
	out := doctor.Peer{ID: p.ID, Name: p.Name, Stock: p.Stock, Connected: p.Connected, Via: p.Via, Address: p.Address,
		Refuses: !p.Stock && d.peers.refuses(p.ID, refusalShown), Engine: d.engine.PeerVersion(p.ID)}
	if p.LastSeen != nil {
		out.LastSeen = *p.LastSeen
	}
	if dials, err := d.engine.Dials(p.ID); err == nil {
		for _, x := range dials {
			out.Addresses = append(out.Addresses, doctor.Dial(x))
		}
	}
	if p.Stock && p.Connected {
		if folders, err := d.folders(); err == nil {
			shared, known, err := d.sharedBy(true, p.ID, folders)
			out.Unshared = err == nil && known && len(shared) == 0
		}
	}
	return out
}

// gatherConfig compares what the daemon runs with to what config.toml says now. The
// name and the role are those of the network, and what an agent may do is read
// anew each time.
func (d *daemon) gatherConfig(context.Context) func(*doctor.Facts) {
	now, err := d.root.Config()
	was := d.config
	now.Name, now.Role, now.MCP = was.Name, was.Role, was.MCP
	changed := err == nil && !reflect.DeepEqual(now, was)
	limit := uint64(max(d.historyLimits().Bytes, 0))
	return func(f *doctor.Facts) { f.Config.Changed, f.Disk.VersionsLimit = changed, limit }
}

// gatherTargets looks where notifications go, and sends each a test if that is wanted.
func (d *daemon) gatherTargets(ctx context.Context, test bool) func(*doctor.Facts) {
	st, err := d.notify.Status(ctx)
	if err != nil {
		return func(f *doctor.Facts) { f.TargetsErr = err }
	}
	out := make([]doctor.Target, len(st))
	tests := make(chan struct{}, len(st))
	for i, s := range st {
		out[i] = doctor.Target{Name: s.Name, Kind: s.Kind, State: s.State, Err: s.Error, Queued: s.Queued, Parked: s.Parked}
		if s.Delivered != nil {
			out[i].Delivered = *s.Delivered
		}
		go func() {
			defer func() { tests <- struct{}{} }()
			if !test {
				return
			}
			out[i].Tested = true
			line, err := d.notify.Test(ctx, s.Name)
			if out[i].TestErr = err; err == nil {
				out[i].Answer = line.Answer
			}
		}()
	}
	for range st {
		<-tests
	}
	return func(f *doctor.Facts) { f.Targets = out }
}
