package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// idle measures what daemons cost that have nothing to do: two that are paired
// and connected and have synced a tree, and one whose invite is open. The tree
// is copied in as "cp -a" does it, directories last, file by file.
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
	if err := copyIn(ctx, host, guest); err != nil {
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

// copyIn puts a small tree into the host's folder and waits until the guest has
// it.
func copyIn(ctx context.Context, host, guest *node) error {
	const dirs, perDir = 20, 10
	tree := filepath.Join(host.folder(shared), "tree")
	for d := range dirs {
		dir := filepath.Join(tree, fmt.Sprint(d))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		for f := range perDir {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(f)), fmt.Appendf(nil, "file %d of %d", f, d), 0o600); err != nil {
				return err
			}
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(dir, old, old); err != nil {
			return err
		}
	}
	arrived := filepath.Join(guest.folder(shared), "tree")
	return await(ctx, arrived, 20*time.Millisecond, func() bool { return count(arrived) == dirs*perDir })
}
