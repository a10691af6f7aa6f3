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

func read(t *testing.T, s Store) Seen {
	t.Helper()
	seen, err := s.Read()
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
	seen := read(t, s)
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
	if mkfifo(filepath.Join(dir, "removed", deviceID(3)+".json")) == nil {
		want++
	}
	s := NewStore(dir, nil)
	seen := read(t, s)
	if len(seen.Records)+len(seen.Removals) > 0 || len(seen.Bad) != want || !seen.Partial {
		t.Fatalf("got %+v", seen)
	}
	if err := s.Write(fileOfRecord(record(4))); err == nil {
		t.Fatal("it writes where a link leads")
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
	seen := read(t, s)
	if !seen.Partial || len(seen.Bad) != maxBad+1 {
		t.Fatalf("partial: %v, bad: %d", seen.Partial, len(seen.Bad))
	}
	// What cannot be seen is not missing.
	if got := Merge(knownOf(record(1)), seen, deviceID(1)); len(got.Write) > 0 {
		t.Fatalf("it would write %+v", got.Write)
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
