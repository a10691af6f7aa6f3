package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The folders that every mover keeps alike.
const (
	shared       = "shared"
	inbox        = "inbox"
	deliverables = "deliverables"
)

var folders = []string{shared, inbox, deliverables}

// mover keeps three pairs of directories alike.
type mover interface {
	tool() string
	traits() traits
	// start returns when both sides are there, connected and quiet, and
	// errMissing if a program that it needs is not installed.
	start(ctx context.Context) error
	left(folder string) string  // of the host
	right(folder string) string // of the guest
	pids() []int                // of its processes; their children count as well
	stop(ctx context.Context)
}

// restarter is a mover that can tell when it is in sync.
type restarter interface {
	mover
	// restart ends both sides and starts them, and returns how long it took from
	// the start until all was in sync.
	restart(ctx context.Context) (time.Duration, error)
}

var errMissing = errors.New("not installed")

// traits say what can be asked of a mover in a reasonable time.
type traits struct {
	oneWay bool // deliverables to the host, all else to the guest
	// wait is about how long one change takes.
	wait time.Duration
}

// The tools of rows.
const (
	toolBotsync  = "botsync"
	toolFloor    = "floor"
	toolStock    = "Syncthing"
	toolOriginal = "Syncthing, watcher delay 1 s"
	toolNoDelay  = "Syncthing, no delays"
	toolUnison   = "unison"
	toolLsyncd   = "lsyncd and rsync"
)

// movers are the tools to compare, floor first.
func movers(b *bench) []mover {
	return []mover{
		newFloorMover(b),
		newBotsyncMover(b),
		newSyncthing(b, toolStock, 10, 1),
		// The settings of the tool of the same name that botsync succeeds.
		newSyncthing(b, toolOriginal, 1, 1),
		newSyncthing(b, toolNoDelay, 0.01, 0), // the least that it accepts
		newUnison(b),
		newLsyncd(b),
	}
}

// eachMover starts one tool after the other, does the work with it, and stops
// it again, so that they don't take each other's time. A tool that is not
// installed is left out.
func eachMover(ctx context.Context, b *bench, tools []string, do func(context.Context, mover) error) error {
	for _, m := range movers(b) {
		if !b.wants(m.tool(), tools) {
			continue
		}
		b.say("  %s", m.tool())
		err := m.start(ctx)
		if err == nil {
			err = do(ctx, m)
		}
		m.stop(ctx)
		if errors.Is(err, errMissing) || errors.Is(err, errors.ErrUnsupported) {
			b.say("  left out: %v", err)
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			// What others can do is still worth knowing.
			b.say("  FAILED: %s: %v", m.tool(), err)
			b.report.Failures = append(b.report.Failures, fmt.Sprintf("%s, %s: %v", b.work, m.tool(), err))
		}
	}
	return nil
}

// repetitions of a work that takes about as long as one change, which is what
// the slow tools need the few of.
func (b *bench) repetitions(m mover) int {
	n := b.n
	switch wait := m.traits().wait; {
	case wait >= 5*time.Second:
		n /= 2
	case wait >= 500*time.Millisecond:
		n *= 2
	default:
		n *= 10
		if b.quick {
			n /= 2
		}
	}
	return max(1, n)
}

// sides are the directories of a tool that needs nothing but directories.
type sides struct{ dir string }

func (b *bench) newSides(name string) sides {
	b.nodes++
	return sides{filepath.Join(b.dir, fmt.Sprintf("%s%d", name, b.nodes))}
}

func (s sides) leftRoot() string           { return filepath.Join(s.dir, "left") }
func (s sides) rightRoot() string          { return filepath.Join(s.dir, "right") }
func (s sides) left(folder string) string  { return filepath.Join(s.leftRoot(), folder) }
func (s sides) right(folder string) string { return filepath.Join(s.rightRoot(), folder) }
func (s sides) remove()                    { _ = os.RemoveAll(s.dir) }

func (s sides) make() error {
	for _, folder := range folders {
		for _, dir := range []string{s.left(folder), s.right(folder)} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
		}
	}
	return nil
}
