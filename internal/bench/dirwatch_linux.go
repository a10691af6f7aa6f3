package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dirWatch reports finished changes in directories, by inotify and with nothing
// around it.
type dirWatch struct {
	fd   int
	file *os.File
	buf  []byte
	mu   sync.Mutex
	dirs map[int32]string
}

// newDirWatch returns errors.ErrUnsupported where there is no inotify.
func newDirWatch() (*dirWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	return &dirWatch{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), buf: make([]byte, 64<<10), dirs: map[int32]string{}}, nil
}

func (w *dirWatch) add(dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	wd, err := unix.InotifyAddWatch(w.fd, dir, unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_DELETE|unix.IN_CREATE|unix.IN_ONLYDIR)
	if err != nil {
		return os.NewSyscallError("inotify_add_watch", err)
	}
	w.dirs[int32(wd)] = dir
	return nil
}

// next blocks until something changed or the watch is closed.
func (w *dirWatch) next() ([]dirEvent, error) {
	n, err := w.file.Read(w.buf)
	if err != nil {
		return nil, err
	}
	var events []dirEvent
	w.mu.Lock()
	defer w.mu.Unlock()
	for at := 0; at+unix.SizeofInotifyEvent <= n; {
		ev := (*unix.InotifyEvent)(unsafe.Pointer(&w.buf[at]))
		at += unix.SizeofInotifyEvent
		name := strings.TrimRight(string(w.buf[at:at+int(ev.Len)]), "\x00")
		at += int(ev.Len)
		isDir := ev.Mask&unix.IN_ISDIR != 0
		if name == "" || (ev.Mask&unix.IN_CREATE != 0 && !isDir) { // a file that is created is not finished
			continue
		}
		events = append(events, dirEvent{path: filepath.Join(w.dirs[ev.Wd], name), dir: isDir, gone: ev.Mask&unix.IN_DELETE != 0})
	}
	return events, nil
}

func (w *dirWatch) close() { _ = w.file.Close() }
