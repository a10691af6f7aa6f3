package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// growingFile writes a large file slowly and closes it. Measured are the time
// from the close until the other side has the file, what it costs in all,
// compared with the same file copied at once (the work "large"), and whether the
// other side ever sees a part of it under its name.
func growingFile(ctx context.Context, b *bench) error {
	size, during := b.largeSize(), 30*time.Second
	if b.quick {
		during = 5 * time.Second
	}
	name := fmt.Sprintf("%d MiB, written over %s: from its close", size>>20, during)
	tools := []string{toolBotsync, toolNoDelay, toolOriginal, toolStock}
	return eachMover(ctx, b, tools, func(ctx context.Context, m mover) error {
		from, to := filepath.Join(m.left(shared), "growing"), filepath.Join(m.right(shared), "growing")
		flush(ctx)
		watch := watchPartial(to, size)
		defer watch.end()
		meter := newMeter(m.pids())
		if err := writeSlowly(ctx, from, size, during); err != nil {
			return err
		}
		closed := time.Now()
		// A tool that shows parts has shown this size when it showed all.
		if err := awaitFile(ctx, to, size); err != nil {
			return err
		}
		took := time.Since(closed)
		if err := sleep(ctx, quiet); err != nil {
			return err
		}
		row := b.row(name, m.tool(), unitMS)
		row.took(took)
		row.used(meter.end())
		if row.Tool == toolBotsync {
			row.hold(limit{Of: ofCPU, Most: 3, Over: &ref{rowLarge(size), toolBotsync}})
		} else {
			row.against(name, toolBotsync)
		}
		seen := b.row("  looks at which a part was there under its name", m.tool(), unitCount)
		seen.add(float64(watch.end()))
		if row.Tool == toolBotsync {
			seen.most(ofMax, 0)
		}
		return sameFiles(from, to)
	})
}

// writeSlowly writes a file bit by bit and closes it.
func writeSlowly(ctx context.Context, path string, size int64, during time.Duration) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data := make([]byte, 1<<20)
	pieces := size / int64(len(data))
	begin := time.Now()
	for i := range pieces {
		if err := sleep(ctx, time.Until(begin.Add(during*time.Duration(i)/time.Duration(pieces)))); err != nil {
			return err
		}
		_, _ = rand.Read(data)
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// partialWatch looks at a path again and again.
type partialWatch struct {
	stop chan struct{}
	done chan struct{}
	seen int // looks at which the size was wrong
}

func watchPartial(path string, size int64) *partialWatch {
	w := &partialWatch{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for {
			info, err := os.Stat(path)
			if err == nil && info.Size() != size || err != nil && !errors.Is(err, fs.ErrNotExist) {
				w.seen++
			}
			select {
			case <-w.stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return w
}

// end may be called more than once.
func (w *partialWatch) end() int {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	<-w.done
	return w.seen
}
