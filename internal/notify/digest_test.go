package notify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/api"
)

func digestOf(events ...api.Event) *digest {
	d := newDigest()
	for i, e := range events {
		if e.ID = int64(i + 1); e.Time.IsZero() {
			e.Time = noon
		}
		d.add(e, noon)
	}
	return d
}

func many(n int, e api.Event) []api.Event { return slices.Repeat([]api.Event{e}, n) }

func TestMessage(t *testing.T) {
	t.Parallel()
	robot := api.Device{ID: "ROBOT", Name: "ro`bot"}
	left := api.Device{ID: "LEFT"}
	by := func(e api.Event, d *api.Device, folder string) api.Event {
		e.Device, e.Folder = d, folder
		return e
	}
	link := received("link", api.ActionNew, 0)
	link.Kind = api.KindSymlink
	const here = "botsync on `vps`, root `/home/me/sync`.\n"
	for name, tc := range map[string]struct {
		events []api.Event
		want   string
	}{
		"one file": {[]api.Event{received("a.pdf", api.ActionNew, 1536)},
			"1 file from `laptop` (human) in `inbox/`:\n- new `inbox/a.pdf`, 1.5 KiB\nAll of it: botsync events --since 0"},
		"of every kind": {[]api.Event{received("b", api.ActionChanged, 20), received("a", api.ActionNew, 100), received("c/d", api.ActionDeleted, 0), link},
			"4 files from `laptop` (human) in `inbox/` (2 new, 1 changed, 1 deleted, 120 B):\n" +
				"- new `inbox/a`, 100 B\n- changed `inbox/b`, 20 B\n- deleted `inbox/c/d`\n- new `inbox/link`, a symbolic link\nAll of it: botsync events --since 0"},
		"of several devices": {[]api.Event{received("a", api.ActionNew, 1), by(received("b", api.ActionDeleted, 0), &robot, "shared"), by(received("c", api.ActionDeleted, 0), &left, "shared")},
			"3 files from peers in `inbox/`, `shared/` (1 new, 2 deleted, 1 B):\n- new `inbox/a`, 1 B, by `laptop` (human)\n" +
				"- deleted `shared/b`, by `ro\\u0060bot`\n- deleted `shared/c`, by a device that has left\nAll of it: botsync events --since 0"},
		"of nobody": {[]api.Event{by(received("a", api.ActionNew, 1), nil, "inbox")},
			"1 file from peers in `inbox/`:\n- new `inbox/a`, 1 B\nAll of it: botsync events --since 0"},
		"a device": {[]api.Event{{Type: api.EventPeerAdded, Device: &laptop}}, "New device in the network: `laptop` (human)."},
		"a device and a file": {[]api.Event{{Type: api.EventPeerAdded, Device: &robot}, received("a", api.ActionNew, 1)},
			"New device in the network: `ro\\u0060bot`.\n1 file from `laptop` (human) in `inbox/`:\n- new `inbox/a`, 1 B\nAll of it: botsync events --since 0"},
		"a folder is held": {[]api.Event{{Type: api.EventHeld, Folder: "shared", Files: 1200, Path: "a\nb"}},
			"`shared/` is held: 1,200 files vanished on this device, the first `shared/a\\nb`. No other device is told until a person decides: " +
				"botsync resume shared --undo brings them back, botsync resume shared --accept deletes them everywhere."},
		"and no more": {[]api.Event{{Type: api.EventResumed, Folder: "shared", Files: 1, Action: api.ActionAccepted}, {Type: api.EventResumed, Folder: "inbox", Action: api.ActionUndone},
			{Type: api.EventResumed, Folder: "inbox", Action: api.ActionReturned}},
			"`shared/` is held no more: the other devices are told that they are gone: 1 file.\n`inbox/` is held no more: its files come back from the other devices.\n" +
				"`inbox/` is held no more (returned)."},
		"a conflict": {[]api.Event{by(api.Event{Type: api.EventConflict, Path: "a\nb", Size: 3}, &robot, "shared")},
			"Changed on two devices at the same time; both versions are kept, see: botsync conflicts\n" +
				"- conflict `shared/a\\nb`, the version of `ro\\u0060bot`"},
		"conflicts and a file": {append(many(22, by(api.Event{Type: api.EventConflict, Path: "c"}, nil, "shared")), received("a", api.ActionNew, 1)),
			"Changed on two devices at the same time; both versions are kept, see: botsync conflicts\n" + strings.Repeat("- conflict `shared/c`\n", 20) +
				"and 2 more\n1 file from `laptop` (human) in `inbox/`:\n- new `inbox/a`, 1 B\nAll of it: botsync events --since 0"},
		"gone again": {[]api.Event{received("a", api.ActionNew, 10), received("a", api.ActionDeleted, 0)},
			"1 file from `laptop` (human) in `inbox/`:\n- deleted `inbox/a`\nAll of it: botsync events --since 0"},
	} {
		got := message(Here{vps, "/home/me/sync"}.batch(digestOf(tc.events...), "k", noon))
		if diff := cmp.Diff(here+tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// The body is what a running gateway was seen to accept, and nothing more.
func TestHookBody(t *testing.T) {
	t.Parallel()
	body, err := render(api.NotifyOpenClaw, Here{vps, "/r"}.test("k", noon))
	want := `{"message":"botsync on ` + "`vps`, root `/r`" + `: this is a test, nothing has happened to a file.","name":"BotSync","wakeMode":"now","deliver":true}`
	if err != nil || string(body) != want {
		t.Errorf("%s, %v", body, err)
	}
}

func TestFiftyThousandFiles(t *testing.T) {
	t.Parallel()
	d := newDigest()
	const n = 50_000
	for i := range n {
		e := received(fmt.Sprintf("%s/%d", strings.Repeat("\x1b[31m日", 40), i), api.ActionNew, 10)
		e.ID, e.Time = int64(2*i+1), noon
		d.add(e, noon)
		e.Action, e.Size, e.ID = api.ActionChanged, 20, e.ID+1 // each of them twice
		d.add(e, noon)
	}
	want := api.NotifyTotals{Files: n, New: n, Bytes: 20 * n}
	if d.totals != want || len(d.files) != maxListed {
		t.Fatalf("%+v, %d listed", d.totals, len(d.files))
	}
	c := Here{vps, "/r"}.batch(d, "k", noon)
	body, err := render(api.NotifyOpenClaw, c)
	if err != nil || len(body) > 64<<10 { // of 262,144 that OpenClaw takes
		t.Errorf("a body of %d bytes, %v", len(body), err)
	}
	if m := message(c); len(m) > maxMessage+1000 || !strings.Contains(m, "50,000 files") || !strings.Contains(m, " more\n") {
		t.Errorf("%d bytes: %s", len(m), m)
	}
	body, err = render(api.NotifyWebhook, c)
	if err != nil || len(body) > maxBody {
		t.Fatalf("a body of %d bytes, %v", len(body), err)
	}
	var b api.NotifyBatch
	if err := json.Unmarshal(body, &b); err != nil {
		t.Fatal(err)
	}
	var latest int64
	for _, f := range b.Files {
		latest = max(latest, f.Event)
	}
	if !slices.IsSortedFunc(b.Files, func(a, b api.NotifyFile) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("the files are not sorted")
	}
	if len(b.Files)+b.More != n || len(b.Files) < 100 || b.Cursor != latest+1 || b.Totals != want {
		t.Errorf("%d listed, %d more, cursor %d, %+v", len(b.Files), b.More, b.Cursor, b.Totals)
	}
}

// The totals are those of a model that knows all files, and who reads on from the
// cursor misses none of what is not listed.
func TestDigestCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type file struct {
			action string
			size   int64
		}
		model, last := map[string]file{}, map[string]int64{}
		d := newDigest()
		for id := range rapid.IntRange(1, 3000).Draw(t, "events") {
			path := fmt.Sprint(id * 7919 % rapid.SampledFrom([]int{5, 1500}).Draw(t, "files"))
			e := received(path, rapid.SampledFrom([]string{"new", "changed", "deleted"}).Draw(t, "action"), int64(id))
			e.ID = int64(id + 1)
			d.add(e, noon)
			was := model[path]
			now := file{e.Action, e.Size}
			switch {
			case e.Action == "deleted":
				now.size = 0
			case was.action == "new":
				now.action = "new"
			case was.action != "":
				now.action = "changed"
			}
			model[path], last[path] = now, e.ID
		}
		var want api.NotifyTotals
		for _, f := range model {
			want.Files++
			want.Bytes += f.size
			switch f.action {
			case "new":
				want.New++
			case "changed":
				want.Changed++
			case "deleted":
				want.Deleted++
			}
		}
		if d.totals != want {
			t.Fatalf("%+v, want %+v", d.totals, want)
		}
		for _, f := range d.files {
			if m := model[f.Path]; m.action != f.Action || m.size != f.Size || last[f.Path] != f.Event {
				t.Fatalf("%+v, want %+v", f, m)
			}
			delete(last, f.Path)
		}
		for path, id := range last {
			if id <= d.cursor || d.cursor == 0 {
				t.Fatalf("%s is not listed, and the cursor %d is not below its event %d", path, d.cursor, id)
			}
		}
	})
}

func TestDue(t *testing.T) {
	t.Parallel()
	at := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	for _, tc := range []struct {
		first, last float64
		joined      int
		want        float64
	}{{0, 0, 0, 2}, {0, 5, 0, 7}, {0, 9, 0, 10}, {0, 100, 0, 10}, {3, 4, 1, 3}} {
		d := digest{first: at(tc.first), last: at(tc.last), joined: tc.joined}
		if got := d.due(2*time.Second, 10*time.Second); !got.Equal(at(tc.want)) {
			t.Errorf("%+v: due %v", tc, got)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	f := Filter{Self: vps.ID, Folders: []string{"inbox"}, Include: []string{"*.pdf", "inbox/in/**"}, Exclude: []string{"~*", "inbox/in/tmp/**"}}
	event := func(change func(*api.Event)) api.Event {
		e := received("a.pdf", api.ActionNew, 1)
		change(&e)
		return e
	}
	path := func(p string) api.Event { return event(func(e *api.Event) { e.Path = p }) }
	for name, tc := range map[string]struct {
		e    api.Event
		want bool
	}{
		"a file":                 {path("a.pdf"), true},
		"deeper":                 {path("x/y/b.pdf"), true},
		"another":                {path("b.txt"), false},
		"below a path":           {path("in/x/y.txt"), true},
		"excluded by name":       {path("x/~a.pdf"), false},
		"excluded by path":       {path("in/tmp/x.pdf"), false},
		"touched":                {event(func(e *api.Event) { e.Action = api.ActionTouched }), false},
		"deleted":                {event(func(e *api.Event) { e.Action = api.ActionDeleted }), true},
		"by this device":         {event(func(e *api.Event) { e.Device = &vps }), false},
		"by nobody known":        {event(func(e *api.Event) { e.Device = nil }), true},
		"in another folder":      {event(func(e *api.Event) { e.Folder = "deliverables" }), false},
		"changed here":           {event(func(e *api.Event) { e.Type = api.EventFileChanged }), false},
		"connected":              {api.Event{Type: api.EventPeerConnected, Device: &laptop}, false},
		"a new device":           {api.Event{Type: api.EventPeerAdded, Device: &laptop}, true},
		"this device":            {api.Event{Type: api.EventPeerAdded, Device: &vps}, false},
		"a folder's state":       {api.Event{Type: api.EventFolderState, Folder: "inbox"}, false},
		"a name like pattern":    {path("[a-"), false},
		"a conflict":             {event(func(e *api.Event) { e.Type, e.Action = api.EventConflict, "" }), true},
		"of a version made here": {event(func(e *api.Event) { e.Type, e.Action, e.Device = api.EventConflict, "", &vps }), true},
		"a folder is held":       {api.Event{Type: api.EventHeld, Folder: "deliverables"}, true},
		"and no more":            {api.Event{Type: api.EventResumed, Folder: "deliverables"}, true},
		"a conflict elsewhere":   {event(func(e *api.Event) { e.Type, e.Action, e.Folder = api.EventConflict, "", "shared" }), false},
	} {
		if got := f.Matches(tc.e); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
