package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// unison keeps both roots alike in one process, both ways.
type unison struct {
	sides
	process *program
}

func newUnison(b *bench) mover { return &unison{sides: b.newSides("unison")} }

func (m *unison) tool() string   { return toolUnison }
func (m *unison) traits() traits { return traits{wait: time.Second} }
func (m *unison) pids() []int    { return []int{m.process.pid()} }

func (m *unison) start(ctx context.Context) (err error) {
	if err := m.make(); err != nil {
		return err
	}
	repeat := "1" // seconds between two looks at everything
	if _, err := exec.LookPath("unison-fsmonitor"); err == nil {
		repeat = "watch"
	}
	m.process, err = startProgram(ctx, filepath.Join(m.dir, "log"), []string{"UNISON=" + filepath.Join(m.dir, "archives")},
		"unison", "-ui", "text", m.leftRoot(), m.rightRoot(), "-batch", "-auto", "-repeat", repeat)
	if err != nil {
		return err
	}
	return arrives(ctx, m, m.process)
}

func (m *unison) stop(context.Context) {
	m.process.stop()
	m.remove()
}

// lsyncd runs rsync for what inotify reports, one way for each folder.
type lsyncd struct {
	sides
	process *program
}

func newLsyncd(b *bench) mover { return &lsyncd{sides: b.newSides("lsyncd")} }

func (m *lsyncd) tool() string   { return toolLsyncd }
func (m *lsyncd) traits() traits { return traits{oneWay: true, wait: time.Second} }
func (m *lsyncd) pids() []int    { return []int{m.process.pid()} }

func (m *lsyncd) start(ctx context.Context) (err error) {
	if err := m.make(); err != nil {
		return err
	}
	if _, err := exec.LookPath("rsync"); err != nil {
		return fmt.Errorf("rsync: %w", errMissing)
	}
	// A delay of 1 s instead of the default of 15.
	config := "settings { nodaemon = true, inotifyMode = \"CloseWrite\" }\n"
	for _, way := range [][2]string{
		{m.left(shared), m.right(shared)}, {m.left(inbox), m.right(inbox)}, {m.right(deliverables), m.left(deliverables)},
	} {
		config += fmt.Sprintf("sync { default.rsync, source = %q, target = %q, delay = 1, rsync = { archive = true } }\n", way[0], way[1])
	}
	path := filepath.Join(m.dir, "config.lua")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	if m.process, err = startProgram(ctx, filepath.Join(m.dir, "log"), nil, "lsyncd", path); err != nil {
		return err
	}
	return arrives(ctx, m, m.process)
}

func (m *lsyncd) stop(context.Context) {
	m.process.stop()
	m.remove()
}

// arrives waits for the first file, which shows that the tool is at work.
func arrives(ctx context.Context, m mover, processes ...*program) error {
	for _, way := range [][2]string{{m.left(shared), m.right(shared)}, {m.right(deliverables), m.left(deliverables)}} {
		if err := os.WriteFile(filepath.Join(way[0], "first"), []byte("first"), 0o600); err != nil {
			return err
		}
		to := filepath.Join(way[1], "first")
		var ended error
		if err := await(ctx, to, 10*time.Millisecond, func() bool {
			for _, p := range processes {
				if ended = p.err(); ended != nil {
					return true
				}
			}
			info, err := os.Stat(to)
			return err == nil && info.Size() == int64(len("first"))
		}); err != nil {
			return err
		}
		if ended != nil {
			return ended
		}
	}
	return sleep(ctx, 2*quiet)
}
