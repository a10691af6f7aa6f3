package main

import (
	"context"
	"fmt"
)

// mover keeps two directories alike.
type mover interface {
	tool() string
	start(ctx context.Context) error
	left() string  // of the host
	right() string // of the guest
	pids() []int   // of all its processes
	stop(ctx context.Context)
}

// movers are the tools to compare, floors first. A tool that is not installed
// is left out.
func movers(b *bench) []mover {
	var ms []mover
	if f := newFloorMover(b.dir); f != nil {
		ms = append(ms, f)
	}
	return append(ms, &botsyncMover{host: b.newNode("host"), guest: b.newNode("guest")})
}

// eachMover starts one tool after the other, does the work with it, and stops
// it again, so that they don't take each other's time.
func eachMover(ctx context.Context, b *bench, do func(context.Context, mover) error) error {
	for _, m := range movers(b) {
		err := m.start(ctx)
		if err == nil {
			err = do(ctx, m)
		}
		m.stop(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", m.tool(), err)
		}
	}
	return nil
}

// botsyncMover is two paired daemons; the directories are their folder shared.
type botsyncMover struct {
	host, guest *node
	processes   []int
}

func (m *botsyncMover) tool() string { return toolBotsync }

func (m *botsyncMover) start(ctx context.Context) error {
	code, _, err := m.host.init(ctx)
	if err != nil {
		return err
	}
	if _, _, err := m.guest.join(ctx, code); err != nil {
		return err
	}
	for _, n := range []*node{m.host, m.guest} {
		pid, err := n.pid()
		if err != nil {
			return err
		}
		m.processes = append(m.processes, pid)
	}
	return sleep(ctx, 2*quiet) // what comes with the joining itself is over then
}

func (m *botsyncMover) left() string  { return m.host.folder("shared") }
func (m *botsyncMover) right() string { return m.guest.folder("shared") }
func (m *botsyncMover) pids() []int   { return m.processes }

func (m *botsyncMover) stop(ctx context.Context) {
	m.host.remove(ctx)
	m.guest.remove(ctx)
}
