//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// processState says of a process whether there is none of that number, and, where
// /proc tells, whether it is suspended.
func processState(pid int) (gone, suspended bool) {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true, false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false, false
	}
	// The name, in parentheses, can hold anything; the state comes after it.
	after := string(stat)[strings.LastIndex(string(stat), ")")+1:]
	state := strings.TrimSpace(after)
	return false, strings.HasPrefix(state, "T") || strings.HasPrefix(state, "t")
}

// hasOpen reports whether a process is seen to have a file open: never where there
// is no /proc.
func hasOpen(pid int, path string) bool {
	want, err := os.Stat(path)
	if err != nil {
		return false
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, fd := range open {
		if have, err := os.Stat(filepath.Join(dir, fd.Name())); err == nil && os.SameFile(have, want) {
			return true
		}
	}
	return false
}

// accessible says why a directory cannot be read, written to and entered.
func accessible(dir string) error {
	if err := unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "access", Path: dir, Err: err}
	}
	return nil
}
