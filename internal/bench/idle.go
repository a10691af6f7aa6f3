package main

import (
	"context"
	"errors"
	"time"
)

// idle measures what daemons cost that have nothing to do: two that are paired
// and connected, and one whose invite is open.
func idle(ctx context.Context, b *bench) error {
	host, guest, waiting := b.newNode("host"), b.newNode("guest"), b.newNode("waiting")
	for _, n := range []*node{host, guest, waiting} {
		defer n.remove(ctx)
	}
	code, _, err := host.init(ctx)
	if err != nil {
		return err
	}
	if _, _, err := guest.join(ctx, code); err != nil {
		return err
	}
	if _, _, err := waiting.init(ctx); err != nil {
		return err
	}

	settle, window := 20*time.Second, 30*time.Second
	if b.quick {
		settle, window = 10*time.Second, 10*time.Second
	}
	b.say("  letting three daemons settle for %s, then watching them for %s", settle, window)
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	seen := []struct {
		what string
		node *node
	}{{"paired", host}, {"paired", guest}, {"waiting host", waiting}}
	before := make([]time.Duration, len(seen))
	begin := time.Now()
	for i, s := range seen {
		pid, err := s.node.pid()
		if err != nil {
			return err
		}
		if before[i], err = cpuTime(pid); errors.Is(err, errNoProc) {
			b.say("  left out: this system has no /proc")
			return nil
		} else if err != nil {
			return err
		}
	}
	if err := sleep(ctx, window); err != nil {
		return err
	}
	elapsed := time.Since(begin)
	for i, s := range seen {
		pid, err := s.node.pid()
		if err != nil {
			return err
		}
		after, err := cpuTime(pid)
		if err != nil {
			return err
		}
		mem, err := memoryOf(pid)
		if err != nil {
			return err
		}
		row := func(name, unit string) *row { return b.row("idle daemon, "+s.what+": "+name, toolBotsync, unit) }
		row("resident memory", unitMB).limit(50).add(mem.resident)
		row("of which not from files", unitMB).add(mem.private)
		row("highest so far", unitMB).add(mem.peak)
		row("CPU", unitPercent).limit(0.5).add(100 * float64(after-before[i]) / float64(elapsed))
	}
	return nil
}
