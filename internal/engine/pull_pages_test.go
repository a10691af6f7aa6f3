package engine

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
	"pgregory.net/rapid"
)

// neededNames are what a device needs, in a database's order. Those that begin with "-"
// are to be deleted.
type neededNames []string

func neededFile(name string) protocol.FileInfo {
	return protocol.FileInfo{Name: name, Deleted: name[0] == '-'}
}

func (n *neededNames) count() (files, deleted int, _ error) {
	for _, name := range *n {
		if name[0] == '-' {
			deleted++
		}
	}
	return len(*n) - deleted, deleted, nil
}

func (n *neededNames) all(order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error) {
	return func(yield func(protocol.FileInfo) bool) {
		for _, name := range (*n)[min(offset, len(*n)):] {
			if limit--; !yield(neededFile(name)) || limit == 0 {
				return
			}
		}
	}, func() error { return nil }
}

func (n *neededNames) one(name string) (protocol.FileInfo, bool, error) {
	return neededFile(name), slices.Contains(*n, name), nil
}

// Whatever of it comes, and whatever is added, no more is shown than a page, nothing
// twice, and each file again and again; and what a peer has told of just now is shown
// next, whatever others have told of.
func TestPagesShowAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(10, 60).Draw(t, "size")
		pages := &pullPages{size: size}
		var all neededNames
		unseen := map[string]int{} // pages since each file was shown
		due := map[string]bool{}   // what the quiet peer has told of since the last page
		next, inserted, rounds := 0, 0, 0
		tell := func(device protocol.DeviceID, n int, what string, at func() int) {
			var files []protocol.FileInfo
			for range n {
				name := fmt.Sprint(what, next)
				next++
				all = slices.Insert(all, at(), name)
				unseen[name] = 0
				files = append(files, protocol.FileInfo{Name: name})
				if device == lowID && pages.places["f"] != nil {
					due[name] = true
				}
			}
			pages.note("f", device, files)
			inserted++
		}
		anywhere := func(t *rapid.T) func() int {
			return func() int { return rapid.IntRange(0, len(all)).Draw(t, "at") }
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {},
			"flood": func(t *rapid.T) {
				tell(highID, rapid.IntRange(1, 150).Draw(t, "flood"), "+", func() int { return len(all) })
			},
			"a file": func(t *rapid.T) {
				if len(due) < max(1, size/pullTold/3) { // of three peers
					tell(lowID, 1, rapid.SampledFrom([]string{"+", "-"}).Draw(t, "what"), anywhere(t))
				}
			},
			"again": func(*rapid.T) { // one and the same file, more than once
				if len(all) > 0 {
					pages.note("f", highID, []protocol.FileInfo{{Name: all[0]}, {Name: all[0]}})
				}
			},
			"deletions": func(t *rapid.T) { // of a peer that has told of nothing else
				tell(protocol.DeviceID{3}, rapid.IntRange(1, 40).Draw(t, "deletions"), "-", anywhere(t))
			},
			"page": func(t *rapid.T) {
				count, deleted, _ := all.count()
				size := max(size, pullRenamed*deleted)
				shown := map[string]bool{}
				files, failed := pages.next("f", &all)
				if rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
					for range files { // the folder is stopped
						break
					}
					clear(due)
					return
				}
				n := 0
				for f := range files {
					if shown[f.Name] {
						t.Fatalf("%s is shown twice", f.Name)
					}
					if shown[f.Name] = true; !f.Deleted {
						n++
					}
				}
				if err := failed(); err != nil {
					t.Fatal(err)
				}
				if n > size || count <= size && len(shown) < len(all) {
					t.Fatalf("%d of %d and %d are shown, of pages of %d", len(shown), count, deleted, size)
				}
				for name := range due {
					if !shown[name] {
						t.Fatalf("%s is not shown at once", name)
					}
				}
				clear(due)
				come := rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "come") // of three
				n = 0
				all = slices.DeleteFunc(all, func(name string) bool {
					n++
					gone := shown[name] && n%3 < come
					if shown[name] {
						delete(unseen, name)
					}
					return gone
				})
				// It goes round, and what came and went meanwhile may have moved a file to
				// where it had been.
				rounds = max(rounds, len(all)/(pages.size-pages.size/pullTold)+3)
				for _, name := range all {
					if unseen[name]++; unseen[name] > (inserted+3)*rounds {
						t.Fatalf("%s was not shown in %d pages", name, unseen[name])
					}
				}
			},
		})
	})
}

// What was renamed is on one page with what it was, however much that is, and so that
// what is deleted comes last where there is more than that.
func TestPagesOfRenamedFiles(t *testing.T) {
	t.Parallel()
	var left neededNames
	for i := range 500 {
		left = append(left, fmt.Sprint("-", i))
	}
	for i := range 500 {
		left = append(left, fmt.Sprint("+", i))
	}
	pages := &pullPages{size: 100}
	show := func() (files, deletions int) {
		shown, _ := pages.next("f", &left)
		for f := range shown {
			if f.Deleted {
				deletions++
			} else {
				files++
			}
			left = slices.DeleteFunc(slices.Clone(left), func(name string) bool { return name == f.Name })
		}
		return files, deletions
	}
	if files, deletions := show(); files != 500 || deletions != 500 {
		t.Errorf("%d and %d are on one page", files, deletions)
	}
	for i := range 20 {
		left = append(left, fmt.Sprint("-", i))
	}
	for i := range 250 {
		left = append(left, fmt.Sprint("+", i))
	}
	for i, want := range [][2]int{{100, 0}, {100, 0}, {50, 20}} {
		if files, deletions := show(); files != want[0] || deletions != want[1] {
			t.Errorf("%d and %d are on a page, want %d", files, deletions, want)
		}
		if i == 0 { // a peer tells of more than comes next
			var files []protocol.FileInfo
			for _, name := range left[:30] {
				files = append(files, neededFile(name))
			}
			pages.note("f", highID, files)
		}
	}
}

// When what was shown has come, a folder pulls again at once, and not otherwise.
func TestPagesThatCome(t *testing.T) {
	t.Parallel()
	for missing, prompt := range map[int]bool{0: true, 20: true, 5: false, 1: false} { // one in so many does not come
		var left neededNames
		for i := range 1000 {
			left = append(left, fmt.Sprint(i))
		}
		again, shows, seen := 0, 0, map[string]bool{}
		pages := &pullPages{size: 100, more: func(string) { again++ }}
		for ; shows < 10 && len(left) > 100; shows++ {
			shown := map[string]bool{}
			files, _ := pages.next("f", &left)
			for f := range files {
				shown[f.Name], seen[f.Name] = true, true
			}
			n := 0
			left = slices.DeleteFunc(left, func(name string) bool {
				if !shown[name] {
					return false
				}
				n++
				return missing == 0 || n%missing != 0
			})
		}
		if want := shows - 1; prompt && again != want || !prompt && again != 0 { // of the first one nothing is known
			t.Errorf("when one in %d does not come, it pulls again %d times in %d; %d are left", missing, again, shows, len(left))
		}
		if missing > 0 && len(seen) != 1000 {
			t.Errorf("when one in %d does not come, %d of 1000 were shown in ten pages of 100", missing, len(seen))
		}
	}
}

// Syncthing pulls again when a peer says that its index has changed, on the connection
// from which it takes that, and in a folder that the peer shares.
func TestPullAgain(t *testing.T) {
	t.Parallel()
	for shared, want := range map[bool][]string{true: {"b f 0"}, false: nil} {
		m, old := testPrompt(lowID)
		m.senders.run = func(do func(context.Context)) { do(t.Context()) }
		cfg := config.New(lowID)
		cfg.Folders = []config.FolderConfiguration{{ID: "f", Path: t.TempDir(), Devices: []config.FolderDeviceConfiguration{{DeviceID: lowID}}}}
		if shared {
			cfg.Folders[0].Devices = append(cfg.Folders[0].Devices, config.FolderDeviceConfiguration{DeviceID: highID})
		}
		m.cfg = config.Wrap("", cfg, lowID, events.NoopLogger)
		for _, id := range []string{"a", "b", "c"} {
			conn := &seenConn{id: id, peer: highID}
			m.primaries.add(conn)
			if id == "b" {
				old.index, m.primaries.peers[highID].heard = id, id
			}
		}
		m.pullAgain("f")
		m.pullAgain("of another network")
		if !slices.Equal(old.updates, want) {
			t.Errorf("%q, want %q", old.updates, want)
		}
	}
}

// What Syncthing's database shows is what this device needs, page by page, and what a peer
// has told of since comes first.
func TestPagesOfTheDatabase(t *testing.T) {
	t.Parallel()
	opened, err := syncthing.OpenDatabase(filepath.Join(t.TempDir(), DatabaseName), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	l := layerOver(opened)
	t.Cleanup(func() { _ = l.Close() })
	l.pages.size = 50
	sequence := int64(0)
	tell := func(device protocol.DeviceID, version uint64, deleted bool, names ...string) {
		t.Helper()
		var files []protocol.FileInfo
		for _, name := range names {
			sequence++
			files = append(files, protocol.FileInfo{Name: name, Sequence: sequence, Deleted: deleted, Version: counted(version)})
		}
		must(t, l.Update("f", device, files))
	}
	page := func() []string {
		t.Helper()
		files, failed := l.AllNeededGlobalFiles("f", protocol.LocalDeviceID, config.PullOrderRandom, 0, 0)
		var out []string
		for f := range files {
			out = append(out, f.Name)
		}
		must(t, failed())
		return out
	}
	var flood []string
	for i := range 230 {
		flood = append(flood, fmt.Sprintf("flood/%03d", 999-i))
	}
	tell(otherDevice, 1, false, flood...)
	if got := page(); !slices.Equal(got, flood[:50]) {
		t.Errorf("the first page is %q", got)
	}
	tell(protocol.LocalDeviceID, 2, false, "had", "to go", "kept")
	tell(highID, 1, false, "old")
	tell(highID, 2, false, "new", "had")
	tell(highID, 2, true, "never had")
	tell(highID, 3, true, "to go", "gone")
	tell(highID, 3, false, "kept", "gone")
	tell(highID, 3, true, "gone")
	if got, want := page(), append([]string{"old", "new", "to go", "kept"}, flood[50:96]...); !slices.Equal(got, want) {
		t.Errorf("the second page is %q, want %q", got, want)
	}
	tell(protocol.LocalDeviceID, 1, false, flood[50:96]...) // these have come
	tell(protocol.LocalDeviceID, 3, false, "kept")
	seen := map[string]bool{}
	for range 6 {
		for _, name := range page() {
			seen[name] = true
		}
	}
	left := append([]string{"old", "new", "to go"}, slices.Concat(flood[:50], flood[96:])...)
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, slices.Sorted(slices.Values(left))) {
		t.Errorf("%q were shown of what is left", got)
	}
}
