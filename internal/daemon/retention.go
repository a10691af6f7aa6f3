package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

const (
	// How much is kept unless config.toml says otherwise: a part of the disk, and
	// no more than so many bytes.
	historyShare = 10 // percent
	historyBytes = 10_000_000_000
	historyCount = 250_000 // versions, whatever their size
	// sweepStart is after the start, when there is more urgent work.
	sweepStart = 10 * time.Second
	// sweepVersions is how often versions are thinned and removed, if there are any.
	sweepVersions = time.Hour
	// sweepNothing is how often it is looked whether there are any.
	sweepNothing = 24 * time.Hour
	// sweepRest is how long a sweep is at least after another one.
	sweepRest = 5 * time.Second
	// roomRest is likewise for what makes room on a full disk.
	roomRest = 10 * time.Second
)

// retention knows how much is kept, so that nobody has to look at every version
// to see that it is too much.
type retention struct {
	mu     sync.Mutex
	usage  history.Usage
	limits history.Limits // zero before the first sweep
	full   chan struct{}  // there is more than the limits allow

	room   sync.Mutex // held while room is made
	roomAt time.Time
}

func newRetention() *retention { return &retention{full: make(chan struct{}, 1)} }

// added notes a new version. It does not block.
func (r *retention) added(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.usage.Bytes += bytes
	r.usage.Count++
	if r.limits.Bytes > 0 && (r.usage.Bytes > r.limits.Bytes || r.usage.Count > r.limits.Count) {
		select {
		case r.full <- struct{}{}:
		default:
		}
	}
}

func (r *retention) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.usage.Count
}

// tendHistory keeps the versions within their limits until ctx ends. It looks at
// all of them only now and then, and when they have become too many.
func (d *daemon) tendHistory(ctx context.Context) {
	defer d.clock.save()
	timer := time.NewTimer(sweepStart)
	defer timer.Stop()
	var swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-d.retention.full:
		}
		if err := d.clock.settle(ctx, d.history.Restamp); err != nil && ctx.Err() == nil {
			d.log.Error("following the clock, which was set back; it is tried again", "error", err)
		}
		// Wherever that ended, nothing counts as older than it is. What comes is counted.
		if d.retention.count() > 0 || swept.IsZero() || time.Since(swept) >= sweepNothing {
			if err := d.sweepHistory(ctx, 0); err != nil && ctx.Err() == nil {
				d.log.Error("removing old versions; it is tried again", "error", err)
			}
			swept = time.Now()
		}
		rest := time.NewTimer(sweepRest)
		select {
		case <-ctx.Done():
		case <-rest.C:
		}
		rest.Stop()
		timer.Reset(sweepVersions)
	}
}

// historyLimits are those of config.toml and of the disk as it is now.
func (d *daemon) historyLimits() history.Limits {
	limits := history.Limits{Age: time.Duration(d.config.History.Days) * 24 * time.Hour, Bytes: d.config.History.Bytes(), Count: historyCount}
	if limits.Bytes > 0 {
		return limits
	}
	total, _ := engine.Total(d.root.StateDir())
	limits.Bytes = historySize(total)
	return limits
}

// historySize is how many bytes of versions are kept on a disk of that size in bytes;
// 0 if it is not known.
func historySize(total uint64) int64 {
	if total == 0 {
		return historyBytes
	}
	return min(historyBytes, int64(total/100*historyShare))
}

// sweepHistory removes versions that are too many, and so many bytes more.
func (d *daemon) sweepHistory(ctx context.Context, more int64) error {
	done, err := d.clock.sweep(ctx)
	if err != nil {
		return err
	}
	defer done()
	r := d.retention
	limits := d.historyLimits()
	r.mu.Lock()
	before := r.usage
	r.mu.Unlock()
	allowed := limits
	if more > 0 {
		allowed.Bytes = max(min(limits.Bytes, before.Bytes-d.history.Pinned())-more, 0)
	}
	usage, err := d.history.Sweep(ctx, allowed, d.clock.look().Age, time.Now())
	if err != nil && usage == (history.Usage{}) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// What was kept meanwhile was counted, and was perhaps not seen: too much is
	// better than too little, and is put right next time.
	r.usage = history.Usage{Bytes: usage.Bytes + r.usage.Bytes - before.Bytes, Count: usage.Count + r.usage.Count - before.Count}
	r.limits = limits
	return err
}

// makeRoom removes a tenth of the versions, the oldest, because the disk is full.
// It reports whether it did.
func (d *daemon) makeRoom() bool {
	r := d.retention
	r.room.Lock()
	defer r.room.Unlock()
	if time.Since(r.roomAt) < roomRest {
		return false
	}
	r.roomAt = time.Now()
	r.mu.Lock()
	most := r.usage.Bytes
	r.mu.Unlock()
	err := d.sweepHistory(context.Background(), most/10+1)
	if err != nil {
		d.log.Warn("making room on a full disk", "error", err)
	}
	return err == nil
}
