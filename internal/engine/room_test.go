package engine

import (
	"errors"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/fs"
)

func TestReserve(t *testing.T) {
	t.Parallel()
	for total, want := range map[uint64]uint64{
		0: 0, 10 * mebi: mebi, 24 * mebi: 24 * mebi / 10, 100 * mebi: 8 * mebi, 1024 * mebi: 1024 * mebi / 50,
		50 << 30: 1 << 30, 1 << 40: 1 << 30, 1 << 50: 1 << 30,
	} {
		r := DiskRoom{Total: total}
		if got := r.Reserve(); got != want {
			t.Errorf("of %d bytes %d are left, want %d", total, got, want)
		}
		if h := r.HomeReserve(); h > r.Reserve() || h > minReserve {
			t.Errorf("of %d bytes %d are left for the engine", total, h)
		}
	}
	// Syncthing takes it for bytes.
	size := minFree(DiskRoom{Total: 1 << 40}.Reserve(), nil)
	for free, ok := range map[uint64]bool{1<<30 - 1: false, 1 << 30: true} {
		if err := config.CheckFreeSpace(size, fs.Usage{Free: free, Total: 1 << 40}); (err == nil) != ok {
			t.Errorf("with %d bytes free: %v", free, err)
		}
	}
	if s := minFree(0, errors.New("no such disk")); !s.Percentage() {
		t.Errorf("%+v", s)
	}
}
