//go:build linux

package root

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/needs"
)

// On a file system with room for n more files and directories Create either
// works or leaves nothing, for each n: it may run out at any step.
func TestCreateOnAFullDisk(t *testing.T) {
	t.Parallel()
	worked, failed := 0, 0
	for inodes := 1; inodes <= 20; inodes++ {
		mount := smallDisk(t, fmt.Sprintf("nr_inodes=%d,size=1m", inodes))
		dir := filepath.Join(mount, "sync")
		r, created, err := Create(dir, laptop)
		if err == nil {
			worked++
			if _, err := Open(dir); err != nil {
				t.Errorf("%d inodes: %v", inodes, err)
			}
			if _, err := r.Config(); err != nil {
				t.Errorf("%d inodes: %v", inodes, err)
			}
			if err := created.Undo(); err != nil {
				t.Errorf("%d inodes: %v", inodes, err)
			}
		} else {
			failed++
			wantCode(t, err, api.CodeRootUnusable)
		}
		if left := tree(t, mount); len(left) != 1 {
			t.Errorf("%d inodes: left %v", inodes, slices.Sorted(maps.Keys(left)))
		}
	}
	if worked == 0 || failed < 10 {
		t.Errorf("%d worked, %d failed: the disks were not of the sizes that matter", worked, failed)
	}
}

// With directories but no room for a single block.
func TestCreateWithoutABlock(t *testing.T) {
	t.Parallel()
	mount := smallDisk(t, "size=4k")
	write(t, filepath.Join(mount, "filler"), "x")
	_, _, err := Create(filepath.Join(mount, "sync"), laptop)
	wantCode(t, err, api.CodeRootUnusable)
	if left := tree(t, mount); len(left) != 2 {
		t.Errorf("left %v", slices.Sorted(maps.Keys(left)))
	}
}

func TestCreateOnAReadOnlyDisk(t *testing.T) {
	t.Parallel()
	mount := smallDisk(t, "size=1m")
	if err := unix.Mount("", mount, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{mount, filepath.Join(mount, "sync")} {
		_, _, err := Create(dir, laptop)
		wantCode(t, err, api.CodeRootUnusable)
	}
	if left := tree(t, mount); len(left) != 1 {
		t.Errorf("left %v", slices.Sorted(maps.Keys(left)))
	}
}

func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		needs.Skip(t, "mounting a small disk needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}
