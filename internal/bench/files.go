package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// look is the time between two looks at the receiving side, and so about the
// precision of what is measured there.
const look = 200 * time.Microsecond

// quiet is how long a folder is left alone between two files: longer than any
// pause in which a tool gathers changes.
const quiet = 400 * time.Millisecond

// await waits until arrived says so.
func await(ctx context.Context, what string, every time.Duration, arrived func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !arrived() {
		if sleep(ctx, every) != nil {
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}

func awaitFile(ctx context.Context, path string, size int64) error {
	return await(ctx, path, look, func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == size
	})
}

// awaitData gives up earlier than others: no tool takes that long on purpose for
// one file.
func awaitData(ctx context.Context, path string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return await(ctx, path, look, func() bool {
		got, err := os.ReadFile(path)
		return err == nil && bytes.Equal(got, data)
	})
}

func awaitGone(ctx context.Context, path string) error {
	return await(ctx, "the deletion of "+path, look, func() bool {
		_, err := os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
}

// change is one way in which a small file changes. Both functions are given the
// sending side, the receiving side, a name that is new each time, and what to
// write.
type change struct {
	name string
	// prepare makes what has to be there before; nil for nothing.
	prepare func(ctx context.Context, from, to, file string, data []byte) error
	// do makes the change and returns when it is seen on the other side.
	do func(ctx context.Context, from, to, file string, data []byte) error
}

// The rows of small files.
const (
	rowWrite     = "4 KiB written and closed"
	rowRoundTrip = "task in inbox to answer in deliverables"
)

func changes(elsewhere string) []change {
	write := func(ctx context.Context, from, to, file string, data []byte) error {
		if err := os.WriteFile(filepath.Join(from, file), data, 0o600); err != nil {
			return err
		}
		return awaitData(ctx, filepath.Join(to, file), data)
	}
	return []change{
		{name: rowWrite, do: write},
		{name: "4 KiB written elsewhere and renamed", do: func(ctx context.Context, from, to, file string, data []byte) error {
			if err := os.WriteFile(elsewhere, data, 0o600); err != nil {
				return err
			}
			if err := os.Rename(elsewhere, filepath.Join(from, file)); err != nil {
				return err
			}
			return awaitData(ctx, filepath.Join(to, file), data)
		}},
		{name: "4 KiB overwritten", do: write, prepare: func(ctx context.Context, from, to, file string, data []byte) error {
			return write(ctx, from, to, file, data[1:])
		}},
		{name: "4 KiB deleted", prepare: write, do: func(ctx context.Context, from, to, file string, _ []byte) error {
			if err := os.Remove(filepath.Join(from, file)); err != nil {
				return err
			}
			return awaitGone(ctx, filepath.Join(to, file))
		}},
		{name: "4 KiB in a new directory", do: func(ctx context.Context, from, to, file string, data []byte) error {
			if err := os.Mkdir(filepath.Join(from, file), 0o700); err != nil {
				return err
			}
			return write(ctx, filepath.Join(from, file), filepath.Join(to, file), "file", data)
		}},
	}
}

// oneFile changes one small file in a quiet folder and measures how long it takes
// until the other side has it, whole. With -quick, slow tools make only the first
// change.
func oneFile(ctx context.Context, b *bench) error {
	return eachMover(ctx, b, nil, func(ctx context.Context, m mover) error {
		for i, c := range changes(filepath.Join(b.dir, "elsewhere")) {
			if b.quick && i > 0 && m.traits().wait > 0 {
				break
			}
			if err := changeFiles(ctx, b, m, c, fmt.Sprintf("file-%d", i)); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	})
}

func changeFiles(ctx context.Context, b *bench, m mover, c change, prefix string) error {
	row := b.row(c.name, m.tool(), unitMS)
	b.compare(row)
	if m.tool() == toolBotsync {
		row.most(ofMedian, 15).most(ofP99, 60)
		row.mostOver(ofMedian, 1./500, c.name, toolStock).mostOver(ofMedian, 1./100, c.name, toolOriginal)
	}
	var cpu, peak float64
	n := b.repetitions(m)
	for i := range n {
		from, to := m.left(shared), m.right(shared)
		if i%2 == 1 && !m.traits().oneWay {
			from, to = to, from
		}
		data := make([]byte, 4<<10)
		if _, err := rand.Read(data); err != nil {
			return err
		}
		file := fmt.Sprintf("%s-%d", prefix, i)
		if c.prepare != nil {
			if err := c.prepare(ctx, from, to, file, data); err != nil {
				return err
			}
			if err := pause(ctx, i); err != nil {
				return err
			}
		}
		meter, begin := newMeter(m.pids()), time.Now()
		err := c.do(ctx, from, to, file, data)
		took := time.Since(begin)
		if err != nil {
			return err
		}
		// What follows the arrival is part of what a file costs.
		if err := pause(ctx, i); err != nil {
			return err
		}
		used, highest := meter.end()
		cpu, peak = cpu+used, max(peak, highest)
		row.took(took)
	}
	// One change costs less than the system can tell.
	row.used(cpu/float64(n), peak)
	return nil
}

// pause leaves the folder alone, not always for the same time.
func pause(ctx context.Context, i int) error {
	return sleep(ctx, quiet+time.Duration(i%7)*17*time.Millisecond)
}

// compare has a row compared: botsync with the floor, others with botsync.
func (b *bench) compare(r *row) {
	switch r.Tool {
	case toolFloor:
	case toolBotsync:
		r.against(r.Name, toolFloor)
	default:
		r.against(r.Name, toolBotsync)
	}
}

// roundTrip puts a task into inbox, which a program on the other side answers in
// deliverables as soon as it sees it.
func roundTrip(ctx context.Context, b *bench) error {
	return eachMover(ctx, b, nil, func(ctx context.Context, m mover) error {
		row := b.row(rowRoundTrip, m.tool(), unitMS)
		b.compare(row)
		if m.tool() == toolBotsync {
			row.most(ofMedian, 40)
		}
		meter := newMeter(m.pids())
		n := b.repetitions(m)
		for i := range n {
			file, task, answer := fmt.Sprintf("task-%d", i), make([]byte, 4<<10), make([]byte, 4<<10)
			_, _ = rand.Read(task)
			_, _ = rand.Read(answer)
			begin := time.Now()
			if err := os.WriteFile(filepath.Join(m.left(inbox), file), task, 0o600); err != nil {
				return err
			}
			if err := awaitData(ctx, filepath.Join(m.right(inbox), file), task); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(m.right(deliverables), file), answer, 0o600); err != nil {
				return err
			}
			if err := awaitData(ctx, filepath.Join(m.left(deliverables), file), answer); err != nil {
				return err
			}
			row.took(time.Since(begin))
			if err := pause(ctx, i); err != nil {
				return err
			}
		}
		cpu, peak := meter.end()
		row.used(cpu/float64(n), peak)
		return nil
	})
}
