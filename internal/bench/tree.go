package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// largeTree has a tool sync a large tree once, then leaves it alone and measures
// what that costs, and how long it takes from a start to being in sync when
// nothing has changed.
func largeTree(ctx context.Context, b *bench) error {
	files, dirs := 100000, 1000
	settle, window, restarts := time.Minute, time.Minute, 3
	tools := []string{toolBotsync, toolStock}
	if b.quick {
		files, dirs, settle, window, restarts = 5000, 50, 15*time.Second, 10*time.Second, 1
		tools = []string{toolBotsync}
	}
	what := fmt.Sprintf("tree of %d files: ", files)
	return eachMover(ctx, b, tools, func(ctx context.Context, m mover) error {
		r, ok := m.(restarter)
		if !ok {
			return nil
		}
		row := func(name, unit string) *row {
			row := b.row(what+name, m.tool(), unit)
			b.compare(row)
			return row
		}
		tree := filepath.Join(b.dir, "tree")
		if err := makeTree(tree, files, dirs, 200); err != nil {
			return err
		}
		wanted, err := list(tree)
		if err != nil {
			return err
		}
		flush(ctx)
		meter, begin := newMeter(m.pids()), time.Now()
		if err := os.Rename(tree, filepath.Join(m.left(shared), "tree")); err != nil {
			return err
		}
		if err := awaitAll(ctx, filepath.Join(m.right(shared), "tree"), wanted); err != nil {
			return err
		}
		first := row("first sync", unitMS)
		first.took(time.Since(begin))
		first.used(meter.end())

		if err := restful(ctx, b, m, settle, window, row); err != nil {
			return err
		}
		for range restarts {
			took, err := r.restart(ctx)
			if err != nil {
				return err
			}
			start := row("start to in sync", unitMS)
			start.took(took)
			if m.tool() == toolBotsync {
				start.most(ofMedian, 10_000)
			}
			if err := sleep(ctx, 5*time.Second); err != nil {
				return err
			}
		}
		// What a daemon has after a start, when there was no first sync.
		return memoryRows(m, row, "idle after a start, memory of each side", 250)
	})
}

// restful measures each process of a tool that has nothing to do.
func restful(ctx context.Context, b *bench, m mover, settle, window time.Duration, row func(name, unit string) *row) error {
	b.say("  letting it settle for %s, then watching it for %s", settle, window)
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	before := map[int]time.Duration{}
	for _, pid := range m.pids() {
		before[pid] = cpuOf([]int{pid})
	}
	begin := time.Now()
	if err := sleep(ctx, window); err != nil {
		return err
	}
	for _, pid := range m.pids() {
		cpu := row("idle, CPU of each side", unitPercent)
		cpu.add(100 * float64(cpuOf([]int{pid})-before[pid]) / float64(time.Since(begin)))
		if m.tool() == toolBotsync {
			cpu.most(ofMax, 0.5)
		}
	}
	return memoryRows(m, row, "idle, memory of each side", 250)
}

func memoryRows(m mover, row func(name, unit string) *row, name string, most float64) error {
	for _, pid := range m.pids() {
		mem, err := memoryOf(pid)
		if err != nil {
			return err
		}
		r := row(name, unitMB)
		r.add(mem.resident)
		if m.tool() == toolBotsync {
			r.most(ofMax, most)
		}
	}
	return nil
}
