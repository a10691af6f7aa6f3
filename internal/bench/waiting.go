package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// waiting measures how long after a file is there "wait --new" says so, and what
// it costs while nothing comes.
func waiting(ctx context.Context, b *bench) error {
	return withPeers(ctx, b, func(m *botsyncMover) error {
		cmd := m.guest.command(ctx, "wait", "--new")
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		if err := costOfWaiting(ctx, b, m, cmd.Process.Pid); err != nil {
			return err
		}
		lines := bufio.NewScanner(stdout)
		row := b.row("file there to line of wait --new", toolBotsync, unitMS).limit(30)
		for i := range 4 * b.n {
			name := fmt.Sprintf("task-%d", i)
			if _, err := m.closeFile(name); err != nil {
				return err
			}
			if err := awaitFile(ctx, filepath.Join(m.right(shared), name), int64(len("what is to be done"))); err != nil {
				return err
			}
			there := time.Now()
			var line struct{ Path string }
			if !lines.Scan() {
				return errors.Join(errors.New("wait --new ended"), lines.Err())
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil || !strings.HasSuffix(line.Path, name) {
				return fmt.Errorf("wait --new printed %q, want %s: %w", lines.Text(), name, err)
			}
			row.took(max(0, time.Since(there)))
			if err := sleep(ctx, quiet); err != nil {
				return err
			}
		}
		return nil
	})
}

// costOfWaiting compares a daemon that is waited at with its peer, at which
// nobody waits.
func costOfWaiting(ctx context.Context, b *bench, m *botsyncMover, pid int) error {
	settle, window := 20*time.Second, 20*time.Second
	if b.quick {
		settle, window = 10*time.Second, 5*time.Second
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	pids := append([]int{pid}, m.processes...)
	before := make([]time.Duration, len(pids))
	var err error
	for i, pid := range pids {
		if before[i], err = cpuTime(pid); errors.Is(err, errNoProc) {
			return nil
		} else if err != nil {
			return err
		}
	}
	begin := time.Now()
	if err := sleep(ctx, window); err != nil {
		return err
	}
	for i, what := range []string{"wait --new itself", "daemon without it", "daemon with it"} {
		after, err := cpuTime(pids[i])
		if err != nil {
			return err
		}
		row := b.row("CPU while nothing comes, "+what, toolBotsync, unitPercent)
		if i == 0 {
			row.limit(0.05) // less than can be seen in this time
		}
		row.add(100 * float64(after-before[i]) / float64(time.Since(begin)))
	}
	return nil
}
