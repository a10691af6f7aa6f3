package daemon

import (
	"context"
	"errors"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// OfflineDoctor is the examination of a root whose daemon does not answer, from what
// is on disk.
func OfflineDoctor(ctx context.Context, dir, version string, req api.DoctorRequest) (*api.Doctor, error) {
	f := newFacts(dir, version, req)
	r, err := root.Open(dir)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code == api.CodeNotInitialised {
		return nil, err
	} else if err != nil {
		f.Config.Err = err
		if ok {
			f.Config.Hint = e.Hint
		}
		f.Daemon.HeldErr, f.Disk.Err, f.Member.Err, f.State.Err, f.Identity.Err = err, err, err, err, err
		return answerOf(f, req), nil
	}
	parts := diskParts(r)
	if cfg, err := r.Config(); err == nil && cfg.Relay != "" && !cfg.LANOnly {
		parts = append(parts, relayPart(cfg.Relay))
	}
	parts = append(parts, part{gather: func(context.Context) func(*doctor.Facts) {
		targets, err := r.NotifyTargets()
		return func(f *doctor.Facts) {
			f.TargetsErr = err
			for _, t := range targets {
				f.Targets = append(f.Targets, doctor.Target{Name: t.Name, Kind: t.Kind})
			}
		}
	}, late: func(f *doctor.Facts) { f.TargetsErr = errLate }})
	collect(ctx, &f, doctorPatience, parts)
	if req.Daemon != "" {
		f.Daemon.Answers, f.Daemon.Version = true, req.Daemon
	}
	if f.Member.Err == nil && !f.Member.Network {
		f.Folders = nil
	}
	return answerOf(f, req), nil
}

// offlineRecords is who belongs to the network, and which files are no records, as
// far as the disk says.
func offlineRecords(r *root.Root, m network.Membership, self string) (network.View, []network.BadFile, error) {
	known, err := loadKnown(r, m)
	if err != nil {
		return network.View{}, nil, err
	}
	seen, err := openStore(r).Read(known)
	if err != nil {
		return network.View{}, nil, err
	}
	merged := network.Merge(known, seen, self)
	return network.Plan(merged.Known, self), merged.Bad, nil
}
