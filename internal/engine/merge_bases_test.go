package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

type memKV map[string][]byte

func (m memKV) GetKV(key string) ([]byte, error) {
	if v, ok := m[key]; ok {
		return v, nil
	}
	return nil, errors.New("there is no such key")
}

func (m memKV) PutKV(key string, value []byte) error {
	m[key] = bytes.Clone(value)
	return nil
}

func (m memKV) DeleteKV(key string) error {
	delete(m, key)
	return nil
}

func (m memKV) keys(prefix, after string, limit int) (out []string, err error) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(key, prefix) && key > after && len(out) < limit {
			out = append(out, key)
		}
	}
	return out, nil
}

// logOf is the entry of a file.
func logOf(t *testing.T, text string, by protocol.ShortID, counters ...uint64) protocol.FileInfo {
	t.Helper()
	f := protocol.FileInfo{Name: "a.log", Size: int64(len(text)), ModifiedBy: by, RawBlockSize: protocol.MinBlockSize}
	blocks, err := scanner.Blocks(t.Context(), strings.NewReader(text), protocol.MinBlockSize, f.Size, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Blocks = blocks
	f.BlocksHash = protocol.BlocksHash(blocks)
	for i, n := range counters {
		if n > 0 {
			f.Version.Counters = append(f.Version.Counters, protocol.Counter{ID: []protocol.ShortID{deviceOne, deviceTwo}[i], Value: n})
		}
	}
	return f
}

func TestMergeBase(t *testing.T) {
	t.Parallel()
	peer := protocol.DeviceID{1}
	type step struct {
		device protocol.DeviceID
		file   protocol.FileInfo
	}
	here := func(text string, by protocol.ShortID, counters ...uint64) step {
		return step{protocol.LocalDeviceID, logOf(t, text, by, counters...)}
	}
	there := func(text string, by protocol.ShortID, counters ...uint64) step {
		return step{peer, logOf(t, text, by, counters...)}
	}
	var week []step
	for i := range 3 * maxUnshared {
		week = append(week, here(fmt.Sprint("0\n", i), deviceOne, uint64(2+i)))
	}
	for what, test := range map[string]struct {
		steps         []step
		current, lost protocol.FileInfo
		want          string
		known         bool
	}{
		"made here, and got there": {[]step{here("0\n", deviceOne, 1), there("0\n", deviceOne, 1), here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, "0\n1\n", deviceOne, 9), "0\n", true},
		"made there, and got here": {[]step{here("0\n", deviceTwo, 0, 1), here("0\n1\n", deviceOne, 1, 1)},
			logOf(t, "0\n2\n", deviceTwo, 0, 2), logOf(t, "0\n1\n", deviceOne, 9), "0\n", true},
		"the other went on since": {[]step{here("0\n", deviceTwo, 0, 1), here("0\n1\n", deviceOne, 1, 1)},
			logOf(t, "0\n2\n3\n", deviceTwo, 0, 7), logOf(t, "0\n1\n", deviceOne, 9), "0\n", true},
		"a week apart": {append([]step{here("0\n", deviceOne, 1), there("0\n", deviceOne, 1)}, week...),
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, fmt.Sprint("0\n", len(week)-1), deviceOne, 9), "0\n", true},
		"both made it": {[]step{here("1\n", deviceOne, 1)}, logOf(t, "2\n", deviceTwo, 0, 1), logOf(t, "1\n", deviceOne, 9), "", true},
		"what they had was not seen": {[]step{here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, "0\n1\n", deviceOne, 9), "", false},
		"another has lost it": {[]step{here("0\n", deviceOne, 1), here("0\n2\n", deviceTwo, 1, 1)},
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, "0\n1\n", deviceOne, 9), "", false},
		"the copy was edited": {[]step{here("0\n", deviceOne, 1), here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, "0\n1\n9\n", deviceOne, 9), "", false},
		"the peer has told what it lost": {[]step{here("0\n", deviceOne, 1), there("0\n2\n", deviceTwo, 1, 1), here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n1\n", deviceOne, 2), logOf(t, "0\n2\n", deviceOne, 9), "0\n", true},
		"the peer has told it later": {[]step{here("0\n", deviceOne, 1), here("0\n1\n", deviceOne, 2), there("0\n2\n", deviceTwo, 1, 1)},
			logOf(t, "0\n1\n", deviceOne, 2), logOf(t, "0\n2\n", deviceOne, 9), "0\n", true},
		"two peers have told": {[]step{here("0\n", deviceOne, 1), there("0\n1\n", deviceOne, 2), there("0\n2\n", deviceTwo, 1, 1), here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n1\n", deviceOne, 2), logOf(t, "0\n2\n", deviceOne, 9), "0\n", true},
		"what a peer alone had is no base": {[]step{here("9\n", deviceOne, 3), there("0\n", deviceTwo, 1), here("0\n1\n", deviceOne, 2)},
			logOf(t, "0\n2\n", deviceTwo, 1, 1), logOf(t, "0\n1\n", deviceOne, 9), "", false},
		"a peer tells of what was never here": {[]step{there("0\n2\n", deviceTwo, 1, 1)},
			logOf(t, "0\n1\n", deviceOne, 2), logOf(t, "0\n2\n", deviceOne, 9), "", false},
		"nothing is known": {nil, logOf(t, "2\n", deviceTwo, 0, 1), logOf(t, "1\n", deviceOne, 9), "", false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := &mergeBases{store: memKV{}, wanted: func(_, path string) bool { return path == "a.log" }}
			for _, s := range test.steps {
				b.note(deviceOne, "f", s.device, []protocol.FileInfo{s.file})
			}
			seen, err := b.read("f", "a.log")
			if err != nil || len(seen) > maxShared+maxUnshared+maxForeign {
				t.Fatalf("%d versions, %v", len(seen), err)
			}
			base, ok := baseOf(seen, vectorOf(test.current.Version), test.lost.Size, map[int][]byte{test.lost.BlockSize(): hashOf(test.lost)})
			if ok != test.known || base.Size != int64(len(test.want)) {
				t.Fatalf("%+v, %v; of %+v", base, ok, seen)
			}
			if !ok {
				return
			}
			for text, want := range map[string]bool{test.want + "more\n": true, strings.Repeat("x", len(test.want)+1): test.want == ""} {
				if got, err := base.Begins(t.Context(), strings.NewReader(text)); err != nil || got != want {
					t.Errorf("%q: %v, %v", text, got, err)
				}
			}
		})
	}
}

// Of files that are not to be merged nothing is remembered.
func TestMergeBasesOfOthers(t *testing.T) {
	t.Parallel()
	kv := memKV{}
	deleted, invalid := logOf(t, "", deviceOne, 1), logOf(t, "x", deviceOne, 1)
	deleted.Deleted, invalid.LocalFlags = true, protocol.FlagLocalIgnored
	for _, wanted := range []func(_, path string) bool{nil, func(_, _ string) bool { return false }, func(_, _ string) bool { return true }} {
		files := []protocol.FileInfo{deleted, invalid}
		if wanted == nil || !wanted("", "") {
			files = append(files, logOf(t, "x", deviceOne, 1))
		}
		(&mergeBases{store: kv, wanted: wanted}).note(deviceOne, "f", protocol.LocalDeviceID, files)
	}
	if len(kv) > 0 {
		t.Errorf("%q", kv)
	}
}
