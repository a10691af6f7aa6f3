package engine

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/brake"
)

// What is expected to vanish is still expected after a kill, does not hold the
// folder, and is forgotten when it has vanished.
func TestExpectedLossesOutliveAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "brake.json")
	limits := brake.Limits{Files: 1, Share: 0.1}
	before := &braked{path: path}
	before.Limits = limits
	before.expect([]string{"asked for", "asked for too"})

	after := &braked{path: path}
	after.Limits = limits
	after.load()
	if after.Held() {
		t.Fatal("the folder is held because something is expected")
	}
	now := time.Now()
	losses := []brake.Loss{{Name: "asked for"}, {Name: "a"}, {Name: "b"}, {Name: "c"}}
	if pass := after.Offer(now, losses, 10, 0); !pass[0] || pass[1] || pass[2] || pass[3] {
		t.Errorf("of one that was asked for and three that were not pass %v", pass)
	}
	after.vanished(now, []string{"asked for", "asked for too"})
	last := &braked{path: path}
	last.Limits = limits
	last.load()
	if pass := last.Offer(now, losses, 10, 0); pass[0] {
		t.Error("what had vanished is still expected")
	}
}
