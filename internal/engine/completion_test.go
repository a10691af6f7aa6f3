package engine

import (
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// An index is all there is when it has come as far as the peer announced; one
// that stays behind, in silence, is when nothing more comes.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	peer, other := protocol.DeviceID{1}, protocol.DeviceID{2}
	start := time.Now()
	var a announcements
	announce := func(sequence int64, after time.Duration) {
		a.set(peer, &protocol.ClusterConfig{Folders: []protocol.Folder{{ID: "f", Devices: []protocol.Device{
			{ID: other, MaxSequence: 999}, {ID: peer, MaxSequence: sequence}}}}}, start.Add(after))
	}
	check := func(what string, device protocol.DeviceID, folder string, sequence int64, after time.Duration, want bool) {
		t.Helper()
		if got := a.reached(device, folder, sequence, start.Add(after)); got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	check("nothing was announced", peer, "f", 100, time.Hour, false)
	announce(10, 0)
	check("another device", other, "f", 100, time.Hour, false)
	check("another folder", peer, "g", 100, time.Hour, false)
	check("none of it", peer, "f", 0, time.Second, false)
	check("half of it", peer, "f", 5, 8*time.Second, false)
	check("half of it, but it moved", peer, "f", 5, 17*time.Second, false)
	check("half of it, in silence", peer, "f", 5, 18*time.Second, true)
	check("all of it", peer, "f", 10, 20*time.Second, true)
	check("more", peer, "f", 11, 20*time.Second, true)
	announce(12, time.Minute)
	check("connected again, the index is that of before", peer, "f", 11, time.Minute, false)
	check("and now it came", peer, "f", 12, time.Minute, true)
	announce(0, 2*time.Minute)
	check("it has nothing", peer, "f", 0, 2*time.Minute, true)
}

// Who has a version: whoever has it or made something of it since, but not whoever
// has an earlier one, one made without knowing of it, or leaves the file out.
func TestHas(t *testing.T) {
	t.Parallel()
	vector := func(mine, theirs uint64) protocol.Vector {
		v := protocol.Vector{}
		if mine > 0 {
			v.Counters = append(v.Counters, protocol.Counter{ID: 1, Value: mine})
		}
		if theirs > 0 {
			v.Counters = append(v.Counters, protocol.Counter{ID: 2, Value: theirs})
		}
		return v
	}
	sent := FileVersion{vector(5, 0), []byte("hash of the contents")}
	for name, test := range map[string]struct {
		entry protocol.FileInfo
		want  bool
	}{
		"the same":             {protocol.FileInfo{Version: vector(5, 0)}, true},
		"changed since":        {protocol.FileInfo{Version: vector(5, 1)}, true},
		"deleted since":        {protocol.FileInfo{Version: vector(5, 1), Deleted: true}, true},
		"an earlier one":       {protocol.FileInfo{Version: vector(4, 0)}, false},
		"another, in conflict": {protocol.FileInfo{Version: vector(4, 1)}, false},
		"found after a kill":   {protocol.FileInfo{Version: vector(0, 9), BlocksHash: sent.hash}, true},
		"left out, the same":   {protocol.FileInfo{BlocksHash: sent.hash, LocalFlags: protocol.FlagLocalRemoteInvalid}, false},
		"another's own":        {protocol.FileInfo{Version: vector(0, 9)}, false},
		"left out":             {protocol.FileInfo{Version: vector(5, 0), LocalFlags: protocol.FlagLocalRemoteInvalid}, false},
		"a slip on it":         {protocol.FileInfo{PreviousBlocksHash: sent.hash, LocalFlags: protocol.FlagLocalRemoteInvalid}, true},
		"a slip elsewhere":     {protocol.FileInfo{ModifiedS: 9, LocalFlags: protocol.FlagLocalRemoteInvalid}, false},
		"deleted by a slip":    {protocol.FileInfo{PreviousBlocksHash: basis(sent.vector), Deleted: true, LocalFlags: protocol.FlagLocalRemoteInvalid}, true},
		"deleted, of another":  {protocol.FileInfo{ModifiedS: 1 << 40, Deleted: true, LocalFlags: protocol.FlagLocalRemoteInvalid}, false},
	} {
		if got := has(test.entry, sent); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
