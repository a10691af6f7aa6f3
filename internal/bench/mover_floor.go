package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// dirEvent is a finished change: a file that was closed or moved in, a new
// directory, or something that is gone.
type dirEvent struct {
	path      string
	dir, gone bool
}

// floorMover copies each file that is finished in one directory to the other,
// at once and with nothing around it: under another name first, then renamed. It
// knows one way for each folder.
type floorMover struct {
	sides
	watch *dirWatch
	done  sync.WaitGroup
}

func newFloorMover(b *bench) mover { return &floorMover{sides: b.newSides("floor")} }

func (m *floorMover) tool() string   { return toolFloor }
func (m *floorMover) traits() traits { return traits{oneWay: true} }
func (m *floorMover) pids() []int    { return nil } // this one

func (m *floorMover) start(context.Context) error {
	if err := m.make(); err != nil {
		return err
	}
	var err error
	if m.watch, err = newDirWatch(); err != nil {
		return err
	}
	for _, dir := range []string{m.left(shared), m.left(inbox), m.right(deliverables)} {
		if err := m.watch.add(dir); err != nil {
			return err
		}
	}
	m.done.Go(func() {
		for {
			events, err := m.watch.next()
			if err != nil {
				return // closed
			}
			for _, ev := range events {
				m.apply(ev)
			}
		}
	})
	return nil
}

// apply leaves a failure to whoever waits for the file.
func (m *floorMover) apply(ev dirEvent) {
	to := m.other(ev.path)
	switch {
	case ev.gone:
		_ = os.RemoveAll(to)
	case ev.dir:
		_ = os.MkdirAll(to, 0o700)
		_ = m.watch.add(ev.path)
		entries, _ := os.ReadDir(ev.path) // of before the watch
		for _, e := range entries {
			m.apply(dirEvent{path: filepath.Join(ev.path, e.Name()), dir: e.IsDir()})
		}
	default:
		data, err := os.ReadFile(ev.path)
		if err != nil {
			return
		}
		temp := filepath.Join(filepath.Dir(to), ".tmp-"+filepath.Base(to))
		if os.WriteFile(temp, data, 0o600) == nil {
			_ = os.Rename(temp, to)
		}
	}
}

// other is the same path on the other side.
func (m *floorMover) other(path string) string {
	if rel, ok := strings.CutPrefix(path, m.leftRoot()); ok {
		return m.rightRoot() + rel
	}
	return m.leftRoot() + strings.TrimPrefix(path, m.rightRoot())
}

func (m *floorMover) stop(context.Context) {
	if m.watch != nil {
		m.watch.close()
	}
	m.done.Wait()
	m.remove()
}
