package engine

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/needs"
)

var circleDevices = []protocol.DeviceID{{1}, {2}, {3}, {4}}

// madeVersions draws what devices may have of one file, after some have changed it and some
// have got what others have.
func madeVersions(t *rapid.T) []heldVersion {
	var out []heldVersion
	for n := range rapid.IntRange(3, len(circleDevices)).Draw(t, "devices") {
		out = append(out, heldVersion{protocol.FileInfo{Name: "file", Version: counted(9)}, circleDevices[n : n+1]})
	}
	device := rapid.IntRange(0, len(out)-1)
	for range rapid.IntRange(4, 10).Draw(t, "changes") {
		who := device.Draw(t, "who")
		if rapid.IntRange(0, 2).Draw(t, "gets") == 2 {
			out[who].file = out[device.Draw(t, "from")].file
			continue
		}
		f := &out[who].file
		f.Version = f.Version.Copy().Update(circleDevices[who].Short())
		f.ModifiedS, f.Deleted = rapid.Int64Range(1, 9).Draw(t, "time"), rapid.Bool().Draw(t, "deleted")
	}
	var held []heldVersion
	for _, v := range out {
		if n := slices.IndexFunc(held, func(h heldVersion) bool { return h.file.Version.Equal(v.file.Version) }); n >= 0 {
			held[n].holders = append(slices.Clone(held[n].holders), v.holders...)
		} else {
			held = append(held, v)
		}
	}
	return held
}

// Whatever devices have, one version comes out in any order, or there is a circle; and a
// circle ends when the version that was chosen, the same for all, is made the newest.
func TestCirclesEnd(t *testing.T) {
	t.Parallel()
	circles := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 30 { // circles are rare
			if mustEnd(t, madeVersions(t)) {
				circles++
			}
		}
	})
	if circles == 0 {
		t.Error("no circle was drawn")
	}
}

// mustEnd checks it for what devices have, and reports whether that is a circle.
func mustEnd(t *rapid.T, versions []heldVersion) bool {
	winner, at, circle := inCircle(versions)
	again := slices.Clone(versions)
	rand.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	if w, a, c := inCircle(again); c != circle || !w.file.Version.Equal(winner.file.Version) || !a.Equal(at) {
		t.Fatalf("%v at %v, and in another order %v at %v", winner.file, at, w.file, a)
	}
	if !circle {
		first := slices.MinFunc(versions, syncthingOrder)
		if last := slices.MinFunc(again, syncthingOrder); !first.file.Version.Equal(last.file.Version) {
			t.Fatalf("it is no circle, and %v or %v comes first", first.file, last.file)
		}
		return false
	}
	for _, v := range versions {
		if v.file.Version.Compare(winner.file.Version) == protocol.Greater {
			t.Fatalf("%v was made from %v", v.file, winner.file)
		}
	}
	newest := newestEntry(winner.file, winner.holders[0].Short(), at)
	for _, v := range versions {
		if !beats(newest, v.file) {
			t.Fatalf("%v does not beat %v", newest, v.file)
		}
	}
	if _, _, circle := inCircle(append(versions, heldVersion{newest, winner.holders})); circle {
		t.Fatal("there is a circle again")
	}
	return true
}

func syncthingOrder(a, b heldVersion) int {
	if beats(a.file, b.file) {
		return -1
	}
	if beats(b.file, a.file) {
		return 1
	}
	return 0
}

// Three devices with real databases do not agree, and do after one of them has ended the
// circle.
func TestThreeDevicesAgree(t *testing.T) {
	t.Parallel()
	base := counted(9)
	ids := circleDevices[:3]
	version := func(n int, of protocol.Vector, at int64, deleted bool) protocol.FileInfo {
		return protocol.FileInfo{Name: "dir", Type: protocol.FileInfoTypeDirectory, Version: of.Copy().Update(ids[n].Short()), ModifiedBy: ids[n].Short(),
			ModifiedS: at, Deleted: deleted, Permissions: 0o755}
	}
	second := version(1, base, 3, true)
	have := []protocol.FileInfo{version(0, second.Version, 1, false), second, version(2, base, 2, true)}
	cfg := config.FolderConfiguration{ID: "f", Path: t.TempDir()}
	for _, id := range ids {
		cfg.Devices = append(cfg.Devices, config.FolderDeviceConfiguration{DeviceID: id})
	}
	var all []*agreeing
	for n := range ids {
		d := &agreeing{n: n}
		opened, err := syncthing.OpenDatabase(filepath.Join(t.TempDir(), DatabaseName), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		layer := layerOver(opened)
		defer layer.Close()
		d.index = layer
		d.update = func(device protocol.DeviceID, f protocol.FileInfo) error {
			f.Sequence = 0
			if device != protocol.LocalDeviceID {
				d.sequence++
				f.Sequence = d.sequence
			}
			return layer.Update("f", device, []protocol.FileInfo{f})
		}
		// Each has its own first. It hears of what was made from that last, or first.
		for _, m := range [][]int{{0, 1, 2}, {1, 2, 0}, {2, 0, 1}}[n] {
			if err := d.update(circles{self: ids[n]}.inIndex(ids[m]), have[m]); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, d)
	}
	global := func() (out []string) {
		for _, d := range all {
			f, ok, err := d.index.GetGlobalFile("f", "dir")
			if err != nil || !ok {
				t.Fatal(err)
			}
			out = append(out, f.Version.String())
		}
		return out
	}
	if before := slices.Compact(global()); len(before) == 1 {
		t.Fatalf("they agree on %v: Syncthing chooses otherwise, and this is not needed any more", before)
	}
	made := 0
	for n, d := range all {
		circles{ids[n], d.index, func(protocol.DeviceID) bool { return true }, func(_ config.FolderConfiguration, f protocol.FileInfo, at time.Time) error {
			made++
			if n != 0 || f.Deleted {
				t.Errorf("device %d makes %v the newest", n, f)
			}
			newest := newestEntry(f, ids[n].Short(), at)
			for _, other := range all {
				if err := other.update(circles{self: ids[other.n]}.inIndex(ids[n]), newest); err != nil {
					return err
				}
			}
			return nil
		}}.end(cfg, 0)
	}
	if after := slices.Compact(global()); len(after) != 1 || made != 1 {
		t.Errorf("%d versions were made, and they take %v", made, after)
	}
}

type agreeing struct {
	n        int
	sequence int64
	index    interface {
		circleIndex
		globalIndex
	}
	update func(protocol.DeviceID, protocol.FileInfo) error
}

// Of those that have the version, the first one that is there makes it the newest.
func TestWhoEndsACircle(t *testing.T) {
	t.Parallel()
	v := heldVersion{holders: []protocol.DeviceID{{3}, {1}, {2}}}
	for _, tt := range []struct {
		self  protocol.DeviceID
		away  []protocol.DeviceID
		looks int
		want  bool
	}{
		{self: protocol.DeviceID{1}, want: true},
		{self: protocol.DeviceID{2}},
		{self: protocol.DeviceID{2}, away: []protocol.DeviceID{{1}}, want: true},
		{self: protocol.DeviceID{3}, away: []protocol.DeviceID{{1}}},
		{self: protocol.DeviceID{2}, looks: 1, want: true},
		{self: protocol.DeviceID{3}, looks: 1},
		{self: protocol.DeviceID{3}, looks: 5, want: true},
		{self: protocol.DeviceID{4}, looks: 5},
		{self: protocol.DeviceID{4}, away: []protocol.DeviceID{{1}, {2}, {3}}},
	} {
		c := circles{self: tt.self, connected: func(d protocol.DeviceID) bool { return !slices.Contains(tt.away, d) }}
		if got := c.endsIt(v, tt.looks); got != tt.want {
			t.Errorf("%v without %v: %v", tt.self[0], tt.away, got)
		}
	}
}

// A folder is looked at when its indexes have rested for a while, never twice within a
// minute, and again only while anything is lacking. Looks are counted anew when the
// indexes change.
func TestWhenCirclesAreLookedFor(t *testing.T) {
	t.Parallel()
	busy := func(to int) (out []int) {
		for s := 0; s <= to; s += 10 {
			out = append(out, s)
		}
		return out
	}
	for what, tt := range map[string]struct {
		changes []int // of the indexes, in seconds from the start
		lacking int   // until then
		want    [][2]int
	}{
		"nothing lacking":              {changes: []int{0}, want: [][2]int{{20, 0}}},
		"always lacking":               {changes: []int{0}, lacking: 1000, want: [][2]int{{20, 0}, {80, 1}, {140, 2}, {200, 3}, {260, 4}}},
		"not lacking any more":         {changes: []int{0}, lacking: 100, want: [][2]int{{20, 0}, {80, 1}, {140, 2}}},
		"nothing known":                {lacking: 1000},
		"changed again in time":        {changes: []int{0, 15}, want: [][2]int{{35, 0}}},
		"changed at the time itself":   {changes: []int{0, 20}, want: [][2]int{{40, 0}}},
		"never quiet, then it is":      {changes: busy(200), lacking: 1000, want: [][2]int{{220, 0}, {280, 1}}},
		"changed soon after a look":    {changes: []int{0, 30}, want: [][2]int{{20, 0}, {80, 0}}},
		"changed late after a look":    {changes: []int{0, 75}, want: [][2]int{{20, 0}, {95, 0}}},
		"changed long after a look":    {changes: []int{0, 200}, want: [][2]int{{20, 0}, {220, 0}}},
		"changed after looks in vain":  {changes: []int{0, 150}, lacking: 1000, want: [][2]int{{20, 0}, {80, 1}, {140, 2}, {200, 0}, {260, 1}}},
		"changed twice since the look": {changes: []int{0, 25, 70}, lacking: 1000, want: [][2]int{{20, 0}, {90, 0}, {150, 1}, {210, 2}, {270, 3}}},
	} {
		start, look, at := time.Now(), circleLook{}, int64(0)
		var got [][2]int
		for s := 0; s <= 280; s += int(circleInterval / time.Second) {
			if slices.Contains(tt.changes, s) {
				at++
			}
			now := start.Add(time.Duration(s) * time.Second)
			next, due := look.due(at, now)
			if due {
				got = append(got, [2]int{s, next.looks})
				next = next.done(s < tt.lacking, now)
			}
			look = next
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: looked at, after how many seconds and looks: %v; want %v", what, got, tt.want)
		}
	}
}

// A file is made the newest by its time, and nothing is done to what took its place.
func TestMakeNewest(t *testing.T) {
	dir := t.TempDir()
	identity, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	shared, outside := filepath.Join(dir, "shared"), filepath.Join(dir, "outside")
	if err := errors.Join(os.Mkdir(shared, 0o755), os.WriteFile(filepath.Join(shared, "file"), []byte("content"), 0o644), os.WriteFile(outside, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(shared, "link")), os.Symlink(dir, filepath.Join(shared, "dir"))); err != nil {
		needs.Skip(t, "this test needs symbolic links: %v", err)
	}
	settings := Settings{Name: "me", LANOnly: true, Folders: []Folder{{ID: "n-shared", Name: "shared", Path: shared}}}
	events := make(chan Event, 1000)
	e, err := Open(t.Context(), Options{Dir: filepath.Join(dir, "engine"), Identity: identity, OnEvent: func(e Event) { events <- e }}, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	await(t.Context(), t, events, func(e Event) bool { return e.Type == FolderState && e.State == StateIdle })
	if err := e.Scan("n-shared"); err != nil {
		t.Fatal(err)
	}
	cfg := e.cfg.Folders()["n-shared"]
	entry := func(name string) protocol.FileInfo {
		f, ok, err := e.db.GetDeviceFile("n-shared", protocol.LocalDeviceID, name)
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		return f
	}
	at := time.Now().Add(time.Hour).Truncate(2 * time.Second)
	for _, name := range []string{"file", "link"} {
		was := entry(name)
		if err := e.makeNewest(cfg, was, at); err != nil {
			t.Fatal(err)
		}
		if is := entry(name); !is.ModTime().Equal(at) || is.Version.Compare(was.Version) != protocol.Greater || cmp.Compare(is.Sequence, was.Sequence) != 1 {
			t.Errorf("%s is %v now, and was %v", name, is, was)
		}
	}
	for _, name := range []string{"link", "dir/outside"} {
		_ = e.makeNewest(cfg, protocol.FileInfo{Name: name}, at)
	}
	if info, err := os.Stat(outside); err != nil || !info.ModTime().Before(at) {
		t.Errorf("what is outside was given the time %v, %v", info.ModTime(), err)
	}
}
