package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// floorMover copies each file that is closed in one directory to the other, at
// once and with nothing around it: under another name first, then renamed. It
// goes one way and knows no subdirectories.
type floorMover struct {
	dir   string
	watch *os.File
	done  sync.WaitGroup
}

func newFloorMover(dir string) mover { return &floorMover{dir: filepath.Join(dir, "floor")} }

func (m *floorMover) tool() string  { return toolFloor }
func (m *floorMover) left() string  { return filepath.Join(m.dir, "left") }
func (m *floorMover) right() string { return filepath.Join(m.dir, "right") }
func (m *floorMover) pids() []int   { return nil } // this one

func (m *floorMover) start(context.Context) error {
	for _, dir := range []string{m.left(), m.right()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	m.watch = os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, m.left(), unix.IN_CLOSE_WRITE); err != nil {
		m.watch.Close()
		return os.NewSyscallError("inotify_add_watch", err)
	}
	m.done.Go(m.copyAll)
	return nil
}

func (m *floorMover) copyAll() {
	buf := make([]byte, 64<<10)
	for {
		n, err := m.watch.Read(buf)
		if err != nil {
			return // closed
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			ev := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at]))
			at += unix.SizeofInotifyEvent
			name := strings.TrimRight(string(buf[at:at+int(ev.Len)]), "\x00")
			at += int(ev.Len)
			m.copyOne(name)
		}
	}
}

// copyOne leaves a failure to whoever waits for the file.
func (m *floorMover) copyOne(name string) {
	data, err := os.ReadFile(filepath.Join(m.left(), name))
	if err != nil {
		return
	}
	temp := filepath.Join(m.right(), ".tmp-"+name)
	if os.WriteFile(temp, data, 0o600) == nil {
		_ = os.Rename(temp, filepath.Join(m.right(), name))
	}
}

func (m *floorMover) stop(context.Context) {
	if m.watch != nil {
		m.watch.Close()
	}
	m.done.Wait()
	_ = os.RemoveAll(m.dir)
}
