package engine

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
)

// What is remembered of files that are of no use any more goes, a part at a time;
// nothing else does.
func TestSweepOfMergeBases(t *testing.T) {
	t.Parallel()
	kv := memKV{"botsync/other": nil, "botsync/merge/10/x": nil}
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("dir/%02d.log", i)
		switch i % 5 {
		case 0:
			name += " gone"
		case 1:
			name += " not merged"
		default:
			want = append(want, baseKey("f", name))
		}
		kv[baseKey("f", name)] = []byte("[]")
	}
	kv[baseKey("left", "a.log")] = []byte("[]")
	want = append(want, "botsync/other", "botsync/merge/10/x")
	b := &mergeBases{store: kv, wanted: func(folder, path string) bool { return folder == "f" && !strings.HasSuffix(path, " not merged") }}
	sweep := func(failing bool) (parts, looked int, err error) {
		for more := true; more && err == nil; parts++ {
			before := looked
			more, err = b.sweepPart(10, 3, func(folder, name string) (bool, error) {
				if folder != "f" || !strings.HasPrefix(name, "dir/") {
					t.Errorf("%s, %s", folder, name)
				}
				if looked++; failing && looked == 7 {
					return true, errors.New("no database")
				}
				return strings.HasSuffix(name, " gone"), nil
			})
			if looked-before > 3 {
				t.Errorf("%d files are looked up in one go", looked-before)
			}
		}
		return parts, looked, err
	}
	if _, _, err := sweep(true); err == nil {
		t.Error("an error is not told")
	}
	// The next one begins anew.
	if parts, _, err := sweep(false); err != nil || parts < 5 {
		t.Errorf("%d parts, %v", parts, err)
	}
	got := slices.Sorted(maps.Keys(kv))
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Where nothing is to be merged any more nothing is remembered.
	b.wanted = nil
	if _, looked, err := sweep(false); err != nil || looked > 0 || len(kv) != 2 {
		t.Errorf("%d left, %d looked up, %v", len(kv), looked, err)
	}
}

func TestUselessMergeBases(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	at := func(ago time.Duration, f protocol.FileInfo) protocol.FileInfo {
		f.ModifiedS = now.Add(-ago).Unix()
		return f
	}
	for what, test := range map[string]struct {
		file protocol.FileInfo
		want bool
	}{
		"there, and old":      {at(1000*time.Hour, protocol.FileInfo{}), false},
		"kept out":            {at(0, protocol.FileInfo{LocalFlags: protocol.FlagLocalIgnored}), false},
		"deleted a while ago": {at(2*sweepBasesGone, protocol.FileInfo{Deleted: true}), true},
		"deleted just now":    {at(time.Second, protocol.FileInfo{Deleted: true}), false},
		"a directory now":     {at(0, protocol.FileInfo{Type: protocol.FileInfoTypeDirectory}), true},
	} {
		if got := uselessBases(test.file, now); got != test.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// A folder that can do nothing holds up no sweep of the others.
func TestFoldersAtRest(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]bool{"idle": true, "error": true, "": true, "scanning": false, "syncing": false, "sync-waiting": false} {
		if got := atRest(state); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}

// The first version of a file is not forgotten when a sweep comes between it is noted
// and is in the index.
func TestSweepLeavesWhatIsBeingEntered(t *testing.T) {
	t.Parallel()
	kv := memKV{}
	b := &mergeBases{store: kv, wanted: func(_, _ string) bool { return true }}
	indexed := false
	sweep := func() (more bool) {
		t.Helper()
		more, err := b.sweepPart(10, 3, func(_, _ string) (bool, error) { return !indexed, nil })
		if err != nil {
			t.Fatal(err)
		}
		return more
	}
	done := b.enter(deviceOne, "f", protocol.LocalDeviceID, []protocol.FileInfo{logOf(t, "0\n", deviceOne, 1)})
	if len(kv) != 1 {
		t.Fatalf("%q", kv)
	}
	if !sweep() || len(kv) != 1 {
		t.Errorf("it is forgotten, or the sweep has ended: %q", kv)
	}
	indexed = true
	done()
	for sweep() {
	}
	if len(kv) != 1 {
		t.Error("it is forgotten")
	}
	indexed = false
	for sweep() {
	}
	if len(kv) > 0 {
		t.Errorf("left: %q", kv)
	}
}

// Syncthing's database has the keys in their order, which a sweep goes by.
func TestKeysOfTheDatabase(t *testing.T) {
	t.Parallel()
	opened, err := syncthing.OpenDatabase(filepath.Join(t.TempDir(), DatabaseName), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	db := layerOver(opened)
	defer db.Close()
	for i := range 30 {
		name := []string{"%d", "dir/%d", "dir/ü%d.log", "日本/%d", strings.Repeat("long/", 100) + "%d"}[i%5]
		if err := db.PutKV(baseKey("f", fmt.Sprintf(name, (i*7)%30)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PutKV("botsync/other", []byte("x")); err != nil {
		t.Fatal(err)
	}
	var all []string
	for last := ""; ; last = all[len(all)-1] {
		some, err := db.keys(basePrefix, last, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
	}
	if len(all) != 30 || !slices.IsSorted(all) || len(slices.Compact(all)) != 30 {
		t.Errorf("%q", all)
	}
}
