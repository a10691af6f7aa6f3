package network

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/needs"
)

func put(t *testing.T, dir, name, data string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s Store, known ...Record) Seen {
	t.Helper()
	seen, err := s.Read(knownOf(known...))
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func fileOfRecord(r Record) File { return File{fileOf(devicesDir, r.ID), r.Marshal(), r.AddedAt} }

func TestStoreWritesWhole(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	s := NewStore(dir, nil)
	r := record(1)
	for range 2 {
		if err := s.Write(fileOfRecord(r)); err != nil {
			t.Fatal(err)
		}
	}
	seen := read(t, s)
	if len(seen.Records) != 1 || !seen.Records[0].equal(r) || len(seen.Bad) > 0 {
		t.Fatalf("got %+v", seen)
	}
	// The same file on every device, so that Syncthing has nothing to transfer.
	info, err := os.Stat(filepath.Join(dir, "devices", r.ID+".json"))
	if err != nil || !info.ModTime().Equal(r.AddedAt) {
		t.Fatalf("modified at %v, %v; want %v", info.ModTime(), err, r.AddedAt)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("unfinished files are left: %v, %v", entries, err)
	}
	// A clock that is wrong by centuries is nobody's problem.
	r = record(2)
	r.AddedAt = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := s.Write(fileOfRecord(r)); err != nil {
		t.Fatal(err)
	}
}

func TestStoreNamesWhatItIgnores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused := deviceID(20)
	s := NewStore(dir, func(id string) error {
		if id == refused {
			return errors.New("refused")
		}
		return nil
	})
	if err := s.Write(fileOfRecord(record(1))); err != nil {
		t.Fatal(err)
	}
	conflict := ".sync-conflict-20261122-105243-ABCDEFG.json"
	for name, data := range map[string]string{
		"devices/" + deviceID(2) + ".json":    "not JSON",
		"devices/" + deviceID(3) + ".json":    string(record(1).Marshal()),
		"devices/readme.txt":                  "hello",
		"devices/.syncthing.x.tmp":            "half",
		"devices/~syncthing~x.tmp":            "half",
		"devices/directory.json/x":            "",
		"devices/" + deviceID(7) + ".json/x":  "",
		"removed/" + deviceID(4) + ".json":    `{"id":"` + deviceID(1) + `"}`,
		"removed/" + deviceID(5) + ".json":    `{"id":"` + deviceID(5) + `","removed_at":"2026-01-01T00:00:00Z"}`,
		"devices/" + deviceID(6) + ".json":    strings.Repeat(" ", MaxRecordBytes+1),
		"devices/" + refused + ".json":        string(record(20).Marshal()),
		"devices/" + deviceID(8) + conflict:   string(record(8).Marshal()),
		"devices/" + deviceID(9) + conflict:   "not JSON",
		"facts/" + deviceID(1) + ".json":      `{"id":"` + deviceID(2) + `"}`,
		"addresses/" + deviceID(1) + ".json":  `{"id":"` + deviceID(1) + `","addresses":["a\u0000"]}`,
		"addresses/" + deviceID(2) + ".json":  `{"id":"` + deviceID(2) + `","addresses":["tcp://192.0.2.1:1"]}`,
		"addresses/" + deviceID(2) + conflict: `{"id":"` + deviceID(2) + `","addresses":["tcp://192.0.2.2:1"]}`,
		".stfolder/x":                         "",
		"unknown/x":                           "",
		"unknown.txt":                         "",
	} {
		put(t, dir, name, data)
	}
	seen := read(t, s, record(1), record(2))
	if len(seen.Records) != 2 || len(seen.Removals) != 1 || seen.Removals[0].ID != deviceID(5) {
		t.Fatalf("records %v, removals %v", seen.Records, seen.Removals)
	}
	if diff := cmp.Diff(map[string][]string{deviceID(2): {"tcp://192.0.2.1:1"}}, seen.Addresses); diff != "" {
		t.Fatal(diff)
	}
	if len(seen.Copies) != 3 {
		t.Fatalf("conflict copies: %q", seen.Copies)
	}
	var bad []string
	for _, b := range seen.Bad {
		bad = append(bad, strings.Replace(b.Path, deviceID(0)[8:], "", 1))
	}
	slices.Sort(bad)
	short := func(n int) string { return strings.Replace(deviceID(n), deviceID(0)[8:], "", 1) }
	want := []string{
		"devices/" + short(2) + ".json", "devices/" + short(3) + ".json", "devices/readme.txt", "devices/directory.json",
		"devices/" + short(7) + ".json", "removed/" + short(4) + ".json", "devices/" + short(6) + ".json",
		"devices/" + short(20) + ".json", "facts/" + short(1) + ".json", "addresses/" + short(1) + ".json", "unknown", "unknown.txt",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Fatal(diff)
	}
}

// What stands in the place of a file or directory is neither followed nor waited
// for.
func TestStoreFollowsNothing(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	put(t, outside, "devices/"+deviceID(1)+".json", string(record(1).Marshal()))
	put(t, outside, "record", string(record(2).Marshal()))
	if err := os.Symlink(filepath.Join(outside, "devices"), filepath.Join(dir, "devices")); err != nil {
		needs.Skip(t, "this test needs symbolic links: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "removed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "record"), filepath.Join(dir, "removed", deviceID(2)+".json")); err != nil {
		t.Fatal(err)
	}
	want := 2
	if err := mkfifo(filepath.Join(dir, "removed", deviceID(3)+".json")); err == nil {
		want++
	} else if !errors.Is(err, errors.ErrUnsupported) { // Windows has none among its files
		t.Fatal(err)
	}
	s := NewStore(dir, nil)
	seen := read(t, s)
	if len(seen.Records)+len(seen.Removals) > 0 || len(seen.Bad) != want {
		t.Fatalf("got %+v", seen)
	}
	for _, f := range []File{fileOfRecord(record(4)), knownOf().RemovalFile(deviceID(2)), knownOf().RemovalFile(deviceID(3))} {
		if err := s.Write(f); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.Path))); err != nil || !info.Mode().IsRegular() {
			t.Fatalf("%s is not written: %v", f.Path, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(outside, "devices"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("it writes or removes where a link leads: %v, %v", entries, err)
	}
	if got, err := os.ReadFile(filepath.Join(outside, "record")); err != nil || string(got) != string(record(2).Marshal()) {
		t.Fatalf("it writes where a link leads: %q, %v", got, err)
	}
}

// Whatever stands in the place of a directory, and whatever else is in it: a
// removal and a record that are known are written.
func TestStoreMakesWay(t *testing.T) {
	t.Parallel()
	known := knownOf(record(1), record(2), record(3))
	known.Remove(Removal{ID: deviceID(2), RemovedBy: deviceID(1)})
	if err := known.Say(deviceID(3), FactName, "desk", deviceID(1)); err != nil {
		t.Fatal(err)
	}
	removal := fileOf(removedDir, deviceID(2))
	for name, block := range map[string]func(t *testing.T, dir string){
		"a file for facts":          func(t *testing.T, dir string) { put(t, dir, "facts", "x") },
		"a file for addresses":      func(t *testing.T, dir string) { put(t, dir, "addresses", "x") },
		"a file for devices":        func(t *testing.T, dir string) { put(t, dir, "devices", "x") },
		"a file for removed":        func(t *testing.T, dir string) { put(t, dir, "removed", "x") },
		"a directory for a removal": func(t *testing.T, dir string) { put(t, dir, removal+"/x/y", "x") },
		"a directory without rights": func(t *testing.T, dir string) {
			put(t, dir, "removed/x", "x")
			_ = os.Chmod(filepath.Join(dir, "removed"), 0)
		},
		"too many for removed": func(t *testing.T, dir string) {
			for i := 100; i < 120; i++ {
				put(t, dir, fileOf(removedDir, deviceID(i)), "x")
				put(t, dir, fileOf(factsDir, deviceID(i)), "x")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			block(t, dir)
			s := NewStore(dir, nil)
			s.limit = 10
			for range 2 {
				seen, err := s.Read(known)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range Merge(known, seen, deviceID(1)).Write {
					if err := s.Write(f); err != nil {
						t.Fatal(err)
					}
				}
			}
			seen, err := s.Read(known)
			if err != nil {
				t.Fatal(err)
			}
			if again := Merge(known, seen, deviceID(1)); len(again.Write) > 0 {
				t.Errorf("it goes on to write %q", paths(again.Write))
			}
			// Another device, which sees no more than this folder, learns all of it.
			if seen, err = s.Read(knownOf(record(3))); err != nil {
				t.Fatal(err)
			}
			if got := Merge(knownOf(record(3)), seen, deviceID(3)).Known; got.Removals[deviceID(2)].ID == "" || !got.Is(deviceID(1)) || !got.Facts.equal(known.Facts) {
				t.Errorf("another device learns %+v", got)
			}
		})
	}
}

// What is held of the files of others has a bound, and what is not held is not
// taken for missing.
func TestStoreHoldsOnlySoMuch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := NewStore(dir, nil)
	big := strings.Repeat(" ", MaxFactsBytes-2000)
	fact := func(by string) string {
		return string(marshalFacts(by, Facts{deviceID(1): {FactName: {"x", 1, by}}, deviceID(999): {FactName: {"x", 1, by}}}))
	}
	known := Known{}.Clone()
	for i := range maxHeld>>20 + 4 {
		known.Add(record(i))
		put(t, dir, fileOf(factsDir, deviceID(i)), fact(deviceID(i))+big)
	}
	put(t, dir, fileOf(factsDir, deviceID(1000)), fact(deviceID(1000))) // of nobody
	put(t, dir, fileOf(addressesDir, deviceID(1000)), string(AddressesFile(deviceID(1000), nil).Data))
	known.Remove(Removal{ID: deviceID(5)})
	seen, err := s.Read(known)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Facts) < 2 || len(seen.Facts) > maxHeld>>20+1 || !seen.Partial || len(seen.Addresses) > 0 || seen.Facts[deviceID(1000)] != nil {
		t.Fatalf("held are the facts of %d devices", len(seen.Facts))
	}
	for id, facts := range seen.Facts {
		if len(facts) != 1 {
			t.Fatalf("held of what %s said: %v", id, facts)
		}
	}
	for _, f := range Merge(known, seen, deviceID(1)).Write {
		if strings.HasPrefix(f.Path, factsDir) && f.Path != fileOf(factsDir, deviceID(1)) {
			t.Fatalf("it would write %s", f.Path)
		}
	}
}

func TestStoreIsFlooded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := NewStore(dir, nil)
	s.limit = 2 * maxBad
	sub := filepath.Join(dir, "removed")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range s.limit + 1 {
		if f, err := os.Create(filepath.Join(sub, strconv.Itoa(i))); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, fileOf(removedDir, deviceID(7)), string(Removal{ID: deviceID(7)}.Marshal()))
	seen := read(t, s)
	if len(seen.Bad) != maxBad+1 {
		t.Fatalf("bad: %d", len(seen.Bad))
	}
	if len(seen.Removals) != 1 {
		t.Fatal("the one removal among them is not seen")
	}
}

func TestMembershipIsAllOrNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "membership.json")
	if m, err := LoadMembership(file); err != nil || m.Network != "" {
		t.Fatalf("of a missing file: %+v, %v", m, err)
	}
	want := Membership{Schema: 1, Network: NewNetworkID([12]byte{1, 2, 3, 255}),
		Pending:   &Pending{Host: idA, Label: "l", Until: time.Unix(1_800_000_000, 0).UTC()},
		Addresses: map[string][]string{idA: {"tcp://192.0.2.1:22000"}}}
	if err := want.Save(file); err != nil {
		t.Fatal(err)
	}
	got, err := LoadMembership(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for _, damage := range []string{"", "{", `{"network":"../../../etc"}`, `{"network":"abcdefghijkm","pending":{"host":"x"}}`} {
		if err := os.WriteFile(file, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMembership(file); err == nil {
			t.Fatalf("%q passes for a membership", damage)
		}
	}
}
