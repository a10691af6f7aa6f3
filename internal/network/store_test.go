package network

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStoreKeepsTheFirstRecord(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	s := NewStore(dir)
	first := record(1)
	if err := s.Add(first); err != nil {
		t.Fatal(err)
	}
	second := first
	second.Name = "other"
	if err := s.Add(second); err != nil {
		t.Fatal(err)
	}
	records, removals, bad, err := s.Read()
	if err != nil || len(removals) > 0 || len(bad) > 0 {
		t.Fatal(removals, bad, err)
	}
	if diff := cmp.Diff([]string{"laptop"}, names(records)); diff != "" {
		t.Fatal(diff)
	}
	// The same file on every device, so that Syncthing has nothing to transfer.
	info, err := os.Stat(filepath.Join(dir, "devices", first.ID+".json"))
	if err != nil || !info.ModTime().Equal(first.AddedAt) {
		t.Fatalf("modified at %v, %v; want %v", info.ModTime(), err, first.AddedAt)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("unfinished files are left: %v, %v", entries, err)
	}
}

func TestStoreNamesWhatItIgnores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := NewStore(dir)
	if err := s.Add(record(1)); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"devices/" + deviceID(2) + ".json": "not JSON",
		"devices/" + deviceID(3) + ".json": string(record(1).Marshal()),
		"devices/readme.txt":               "hello",
		"devices/.syncthing.x.tmp":         "half",
		"devices/directory.json/x":         "",
		"removed/" + deviceID(4) + ".json": `{"id":"` + deviceID(1) + `"}`,
		"removed/" + deviceID(5) + ".json": `{"id":"` + deviceID(5) + `","removed_at":"2026-01-01T00:00:00Z"}`,
		"devices/" + deviceID(6) + ".json": strings.Repeat(" ", MaxRecordBytes+1),
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	records, removals, bad, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 || len(removals) != 1 || removals[0].ID != deviceID(5) {
		t.Fatalf("records %v, removals %v", names(records), removals)
	}
	if len(bad) != 6 {
		t.Fatalf("%d files are reported, want 6: %v", len(bad), bad)
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

func names(records []Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.Name)
	}
	return out
}
