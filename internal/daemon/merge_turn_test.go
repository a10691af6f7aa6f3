package daemon

import (
	"errors"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
)

// No two devices have one turn, and who made the version that has lost comes before all.
func TestTurnsToMerge(t *testing.T) {
	t.Parallel()
	ids := []string{"A", "B", "C", "D"}
	for _, author := range append(ids, "gone") {
		taken := map[int]string{}
		for _, self := range ids {
			var others []network.Member
			for _, id := range ids {
				if id != self {
					others = append(others, network.Member{Record: network.Record{ID: id}})
				}
			}
			if self == author {
				continue
			}
			place := mergePlace(others, self, author)
			if taken[place] != "" || place < 1 || place > len(ids) {
				t.Errorf("of a version of %s, %s has place %d, as %q", author, self, place, taken[place])
			}
			taken[place] = self
		}
		if taken[1] == "" {
			t.Errorf("nobody merges the version of %s first", author)
		}
	}
	many := make([]network.Member, 1000)
	if got := mergePlace(many, "A", "gone"); got != mergeTurns {
		t.Errorf("place %d", got)
	}
}

// The turn does not move when the current version goes on growing, but begins anew
// when the copy changes.
func TestTurnToMergeComes(t *testing.T) {
	t.Parallel()
	d := &daemon{members: &members{self: selfID}, merger: newMerger()}
	now := time.Unix(1_700_000_000, 0)
	c := &inConflict{folder: "shared", path: "a.log", versions: []version{{path: "a.log"}, {path: "copy", author: &api.Device{ID: phoneID}, file: engine.File{Size: 3}}}}
	wait := func(after time.Duration) bool {
		t.Helper()
		err := d.awaitMergeTurn(c, c.versions[1], now.Add(after))
		turn, ok := errors.AsType[errTurn](err)
		if err != nil && (!ok || cannotMerge(err) || turn.comes.Before(now)) {
			t.Errorf("%v", err)
		}
		return err != nil
	}
	if !wait(0) || !wait(mergeTurn-1) {
		t.Error("it does not wait for who has made it")
	}
	c.versions[0].file.Size++
	if wait(mergeTurn) {
		t.Error("it waits for longer")
	}
	c.versions[1].file.Size++
	if !wait(mergeTurn) || wait(2*mergeTurn) {
		t.Error("a copy that has changed is another one")
	}
	// Who has made it waits for nobody: of all devices that is one.
	c.versions[1] = version{path: "copy", author: &api.Device{ID: selfID}, mine: true, file: engine.File{Size: 5}}
	if wait(0) {
		t.Error("who has made the version waits")
	}
}
