package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// writers says whether somebody has a file open for writing.
type writers int

const (
	unknown writers = iota
	none
	some
)

// writersOf asks for a read lease, which is given for files only that nobody
// has open for writing (fcntl(2), F_SETLEASE). It is given back at once: whoever
// opens the file meanwhile waits for microseconds.
func writersOf(file string) writers {
	// Not to be stopped by a FIFO that took the place of the file.
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return unknown
	}
	defer unix.Close(fd)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return some
	case err != nil: // another user's file, or a file system without leases
		return unknown
	}
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	return none
}

// OpenForWriting reports whether somebody has a file open for writing, as far as
// that can be known.
func OpenForWriting(file string) (open, known bool) {
	w := writersOf(file)
	return w == some, w != unknown
}

// appended returns which of the files, given by absolute paths, are open for
// writing with O_APPEND alone. It sees what the processes of the same user have
// open, or of all for root.
func appended(files map[string]bool) map[string]bool {
	out := map[string]bool{}
	others := map[string]bool{}
	procs, _ := os.ReadDir("/proc")
	for _, p := range procs {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		fds := filepath.Join("/proc", p.Name(), "fd")
		names, _ := os.ReadDir(fds) // not readable: another user's
		for _, n := range names {
			target, err := os.Readlink(filepath.Join(fds, n.Name()))
			if err != nil || !files[target] {
				continue
			}
			info, err := os.ReadFile(filepath.Join("/proc", p.Name(), "fdinfo", n.Name()))
			if err != nil {
				continue
			}
			if flags, ok := openFlags(string(info)); ok && flags&unix.O_ACCMODE != unix.O_RDONLY {
				out[target] = true
				others[target] = others[target] || flags&unix.O_APPEND == 0
			}
		}
	}
	for f := range others {
		if others[f] {
			delete(out, f)
		}
	}
	return out
}

// openFlags reads the flags of open(2) from /proc/PID/fdinfo/FD, see proc(5).
func openFlags(fdinfo string) (int, bool) {
	for line := range strings.Lines(fdinfo) {
		if value, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseInt(strings.TrimSpace(value), 8, 64)
			return int(flags), err == nil
		}
	}
	return 0, false
}

// isRemote reports whether a directory is on a file system that other machines
// change, of which inotify says nothing: statfs(2) has the numbers.
func isRemote(root string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.AFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC:
		return true
	}
	return false
}

const limits = "/proc/sys/fs/inotify/"

// errWatches says that the user's watches are used up, of which missing more are
// needed.
func errWatches(missing int) *LimitError {
	return &LimitError{Setting: "fs.inotify.max_user_watches", Need: roomFor("max_user_watches", missing)}
}

// errInstances says that the user's inotify instances are used up.
func errInstances() *LimitError {
	return &LimitError{Setting: "fs.inotify.max_user_instances", Need: roomFor("max_user_instances", 1)}
}

// roomFor returns a value for a limit that leaves as much room again as is
// needed.
func roomFor(name string, more int) int {
	have := 0
	if data, err := os.ReadFile(limits + name); err == nil {
		have, _ = strconv.Atoi(strings.TrimSpace(string(data)))
	}
	need := 128
	for need < have+2*more {
		need *= 2
	}
	return need
}

// limitError turns what the kernel says into a LimitError.
func limitError(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		return errInstances()
	case errors.Is(err, unix.ENOSPC):
		return errWatches(1)
	}
	return fmt.Errorf("watching: %w", err)
}
