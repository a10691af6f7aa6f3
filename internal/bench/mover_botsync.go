package main

import (
	"context"
	"errors"
	"time"

	"github.com/botsync/botsync/internal/root"
)

// botsyncMover is two paired daemons.
type botsyncMover struct {
	host, guest *node
	processes   []int
}

func newBotsyncMover(b *bench) *botsyncMover {
	return &botsyncMover{host: b.newNode("host"), guest: b.newNode("guest")}
}

func (m *botsyncMover) tool() string               { return toolBotsync }
func (m *botsyncMover) traits() traits             { return traits{} }
func (m *botsyncMover) left(folder string) string  { return m.host.folder(folder) }
func (m *botsyncMover) right(folder string) string { return m.guest.folder(folder) }
func (m *botsyncMover) pids() []int                { return m.processes }

func (m *botsyncMover) start(ctx context.Context) error {
	code, _, err := m.host.init(ctx)
	if err != nil {
		return err
	}
	if _, _, err := m.guest.join(ctx, code); err != nil {
		return err
	}
	if err := m.release(); err != nil {
		return err
	}
	if _, err := m.restart(ctx); err != nil {
		return err
	}
	return sleep(ctx, 2*quiet) // what comes with the joining itself is over then
}

// release turns the brake off, which would hold what is deleted between two rounds.
func (m *botsyncMover) release() error {
	for _, n := range []*node{m.host, m.guest} {
		r, err := root.Open(n.dir)
		if err != nil {
			return err
		}
		if err := r.UpdateConfig(func(c *root.Config) error { c.Brake.Enabled = false; return nil }); err != nil {
			return err
		}
	}
	return nil
}

func (m *botsyncMover) findProcesses() error {
	m.processes = nil
	for _, n := range []*node{m.host, m.guest} {
		pid, err := n.pid()
		if err != nil {
			return err
		}
		m.processes = append(m.processes, pid)
	}
	return nil
}

func (m *botsyncMover) restart(ctx context.Context) (time.Duration, error) {
	for _, n := range []*node{m.host, m.guest} {
		if _, err := n.stop(ctx); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	started := make(chan error, 1)
	go func() {
		_, err := m.guest.run(ctx, nil, "start")
		started <- err
	}()
	_, err := m.host.run(ctx, nil, "start")
	if err = errors.Join(err, <-started); err != nil {
		return 0, err
	}
	for _, n := range []*node{m.host, m.guest} {
		if _, err := n.run(ctx, nil, "wait", "--synced"); err != nil {
			return 0, err
		}
	}
	took := time.Since(begin)
	return took, m.findProcesses()
}

func (m *botsyncMover) stop(ctx context.Context) {
	m.host.remove(ctx)
	m.guest.remove(ctx)
}
