package engine

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

func versionOf(values ...uint64) protocol.Vector {
	var v protocol.Vector
	for i, value := range values {
		v.Counters = append(v.Counters, protocol.Counter{ID: protocol.ShortID(i + 1), Value: value})
	}
	return v
}

// A peer keeps what it made of a version, and nothing but its word says so: not
// the time of its change, however late. Of a peer that sends its changes there are
// no slips.
func TestReplaced(t *testing.T) {
	t.Parallel()
	version := FileVersion{versionOf(100, 90), []byte("hash of the contents")}
	const invalid = protocol.FlagLocalRemoteInvalid
	for name, test := range map[string]struct {
		entry protocol.FileInfo
		want  bool
	}{
		"edited":                   {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: basis(version.vector)}, true},
		"deleted":                  {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: basis(version.vector), Deleted: true}, true},
		"edited in a Syncthing":    {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: version.hash}, true},
		"a deletion of what had":   {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: version.hash, Deleted: true, ModifiedS: 900}, false},
		"of another version":       {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: basis(versionOf(99, 90)), ModifiedS: 900}, false},
		"edited in that second":    {protocol.FileInfo{LocalFlags: invalid, ModifiedS: 100}, false},
		"edited with a time ahead": {protocol.FileInfo{LocalFlags: invalid, ModifiedS: 1 << 40}, false},
		"deleted, found late":      {protocol.FileInfo{LocalFlags: invalid, ModifiedS: 1 << 40, Deleted: true}, false},
		"left out by the peer":     {protocol.FileInfo{LocalFlags: invalid, PreviousBlocksHash: basis(version.vector), Version: version.vector}, false},
		"reverted, yet to come":    {protocol.FileInfo{PreviousBlocksHash: basis(version.vector)}, false},
		"a version of the peer":    {protocol.FileInfo{PreviousBlocksHash: basis(version.vector), Version: version.vector}, false},
	} {
		if got := replaced(test.entry, version); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if replaced(protocol.FileInfo{LocalFlags: invalid}, FileVersion{}) {
		t.Error("a slip of nothing is one of a version that is not known")
	}
}

// slipsOf is an index with one entry of this device, as it was when what has
// changed was read, and as it is now, and what the network has.
type slipsOf struct{ sent, here, global protocol.FileInfo }

func (s slipsOf) AllLocalFilesBySequence(string, protocol.DeviceID, int64, int) (iter.Seq[protocol.FileInfo], func() error) {
	return slices.Values([]protocol.FileInfo{s.sent}), func() error { return nil }
}

func (s slipsOf) GetDeviceFile(string, protocol.DeviceID, string) (protocol.FileInfo, bool, error) {
	return s.here, true, nil
}

func (s slipsOf) GetGlobalFile(string, string) (protocol.FileInfo, bool, error) {
	return s.global, s.global.Name != "", nil
}

// Whichever way an entry goes out, it says what a slip was made of.
func TestSlipsTellTheirBasis(t *testing.T) {
	t.Parallel()
	was := []byte("what Syncthing says")
	version := versionOf(5)
	slip := protocol.FileInfo{Name: "f", Sequence: 7, Version: versionOf(5, 9), LocalFlags: protocol.FlagLocalReceiveOnly, PreviousBlocksHash: was}
	with := func(f protocol.FileInfo, change func(*protocol.FileInfo)) protocol.FileInfo {
		change(&f)
		return f
	}
	global := protocol.FileInfo{Name: "f", Version: version}
	for name, test := range map[string]struct {
		sent, here, global protocol.FileInfo
		want               []byte
	}{
		"made of the latest":    {slip, slip, global, basis(version)},
		"there is a later one":  {slip, slip, with(global, func(f *protocol.FileInfo) { f.Version = versionOf(6) }), nil},
		"to be had again":       {slip, with(slip, func(f *protocol.FileInfo) { f.Version = protocol.Vector{} }), global, nil},
		"changed since":         {slip, with(slip, func(f *protocol.FileInfo) { f.Sequence++ }), global, nil},
		"of nobody else":        {slip, slip, slip, was},
		"nobody has told of it": {slip, slip, protocol.FileInfo{}, was},
		"no slip":               {with(slip, func(f *protocol.FileInfo) { f.LocalFlags = 0 }), slip, global, was},
	} {
		index := slipsOf{test.sent, test.here, test.global}
		peer := protocol.DeviceID{1}
		entries := func() []protocol.FileInfo {
			return []protocol.FileInfo{with(test.sent, func(f *protocol.FileInfo) { f.Version = protocol.Vector{} })}
		}
		for way, send := range map[string]func(context.Context, *indexSender) error{
			"index": func(ctx context.Context, s *indexSender) error {
				return s.Index(ctx, &protocol.Index{Folder: testFolder, Files: entries(), LastSequence: 7})
			},
			"update": func(ctx context.Context, s *indexSender) error {
				return s.IndexUpdate(ctx, &protocol.IndexUpdate{Folder: testFolder, Files: entries(), LastSequence: 7})
			},
			"at once": func(ctx context.Context, s *indexSender) error {
				s.folders[testFolder] = &sentIndex{lock: make(chan struct{}, 1)}
				_, err := s.send(ctx, testFolder)
				return err
			},
		} {
			conn := &heard{t: t, peer: peer}
			if err := send(t.Context(), newIndexSender(conn, testConfig(t, peer), index)); err != nil {
				t.Fatalf("%s, %s: %v", name, way, err)
			}
			if len(conn.said) != 1 || !bytes.Equal(conn.said[0].PreviousBlocksHash, test.want) {
				t.Errorf("%s, %s: it says %q", name, way, conn.said)
			}
		}
	}
}
