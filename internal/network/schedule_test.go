package network

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func cutPath(path string) (dir, name string, ok bool) { return strings.Cut(path, "/") }

// world is some devices and the links between them. The merging and planning is
// the real one; what Syncthing does to files between two devices that have each
// other as peers is acted out.
type world struct {
	t         *rapid.T
	devices   []*device
	part      map[*device]int // who is in which part of the network now
	admitted  map[string]bool // by some member, ever
	copies    int
	tampering bool // somebody edits records
}

type device struct {
	id      string
	known   Known
	view    View
	files   map[string]version
	kept    []byte        // of known, on disk
	skew    time.Duration // of its clock
	removed map[string]bool
}

// version is a file, or that it was deleted, with Syncthing's version vector.
type version struct {
	data   []byte // nil if deleted
	vector map[string]int
	at     int
}

func (v version) deleted() bool { return v.data == nil }

// after reports whether v has seen all that o has.
func (v version) after(o version) bool {
	for id, n := range o.vector {
		if v.vector[id] < n {
			return false
		}
	}
	return true
}

func (d *device) write(path string, data []byte, at int) {
	if old, ok := d.files[path]; ok && bytes.Equal(old.data, data) && old.deleted() == (data == nil) {
		return
	}
	vector := maps.Clone(d.files[path].vector)
	if vector == nil {
		vector = map[string]int{}
	}
	vector[d.id]++
	d.files[path] = version{data, vector, at}
}

func (d *device) folder() folder {
	f := folder{}
	for path, v := range d.files {
		if !v.deleted() {
			f[path] = v.data
		}
	}
	return f
}

// look is what the daemon does whenever its folder has changed. cut says how many
// files it still wrote before it was killed; none if negative.
func (w *world) look(d *device, cut int) (changed bool) {
	m := Merge(d.known, d.folder().seen(d.known), d.id)
	changed = m.Changed || len(m.Write)+len(m.Remove) > 0
	d.known, d.kept = m.Known, m.Known.encode("n")
	for i, f := range m.Write {
		if cut >= 0 && i >= cut {
			return true
		}
		if kind, _, _ := cutPath(f.Path); d.folder()[kind] != nil {
			d.write(kind, nil, 0) // it makes way
		}
		d.write(f.Path, f.Data, len(w.devices))
	}
	for _, path := range m.Remove {
		d.write(path, nil, 0)
	}
	d.view = Plan(d.known, d.id)
	w.check(d)
	return changed
}

// check is what holds at every moment.
func (w *world) check(d *device) {
	for id := range d.removed {
		if _, ok := d.known.Removals[id]; !ok {
			w.t.Fatalf("%s has forgotten that %s was removed", d.id[:3], id[:3])
		}
	}
	for id := range d.known.Removals {
		d.removed[id] = true
	}
	for _, m := range d.view.Members {
		if !w.admitted[m.ID] || d.removed[m.ID] || m.ID == d.id {
			w.t.Fatalf("%s has %s as a peer", d.id[:3], m.ID[:3])
		}
	}
}

func (w *world) linked(a, b *device) bool {
	return w.part[a] == w.part[b] && a.has(b) && b.has(a)
}

func (d *device) has(o *device) bool {
	return slices.ContainsFunc(d.view.Members, func(m Member) bool { return m.ID == o.id })
}

// pull is what Syncthing does on a with what b has.
func (w *world) pull(a, b *device) (changed bool) {
	for _, path := range slices.Sorted(maps.Keys(b.files)) {
		theirs := b.files[path]
		ours, ok := a.files[path]
		if ok && ours.after(theirs) {
			continue
		}
		changed = true
		if !ok || theirs.after(ours) {
			a.files[path] = theirs
			continue
		}
		vector := maps.Clone(ours.vector)
		for id, n := range theirs.vector {
			vector[id] = max(vector[id], n)
		}
		// They conflict, unless they are equal. Both sides choose the same.
		same := bytes.Equal(ours.data, theirs.data) && ours.deleted() == theirs.deleted()
		weWin := ours.at > theirs.at || ours.at == theirs.at && bytes.Compare(ours.data, theirs.data) > 0
		if !same && !weWin {
			dir, name, _ := cutPath(path)
			if !ours.deleted() && !strings.Contains(name, "conflict") {
				w.copies++
				a.write(fmt.Sprintf("%s/%s.sync-conflict-20261122-%06d-AAAAAAA.json", dir, strings.TrimSuffix(name, extension), w.copies), ours.data, ours.at)
			}
			ours.data, ours.at = theirs.data, theirs.at
		}
		ours.vector = vector
		a.files[path] = ours
	}
	return changed
}

func (w *world) now(d *device) time.Time {
	return time.Unix(1_800_000_000+int64(len(w.admitted)), 0).Add(d.skew)
}

func (w *world) device(label string) *device { return rapid.SampledFrom(w.devices).Draw(w.t, label) }

// admit is a pairing. A device that was removed, or is in a network that has
// peers, cannot be let in.
func (w *world) admit() {
	host := w.device("host")
	if host.view.Removal != nil || len(w.devices) >= 8 {
		return
	}
	guest := w.newDevice()
	r := Record{ID: guest.id, Name: rapid.SampledFrom([]string{"laptop", "desk"}).Draw(w.t, "name"), AddedBy: host.id, AddedAt: w.now(host)}
	w.admitted[guest.id] = true
	host.known.Add(r)
	w.look(host, -1)
	guest.known.Add(r)
	guest.known.Add(host.known.Records[host.id])
	for _, m := range host.view.Members {
		guest.known.Add(host.known.Records[m.ID])
	}
	w.part[guest] = w.part[host]
	w.look(guest, -1)
}

func (w *world) newDevice() *device {
	d := &device{id: deviceID(len(w.devices) + 1), known: Known{}.Clone(), files: map[string]version{}, removed: map[string]bool{},
		skew: time.Duration(rapid.IntRange(-3, 3).Draw(w.t, "skew")) * 1000 * time.Hour}
	w.devices = append(w.devices, d)
	return d
}

func (w *world) remove() {
	d := w.device("remover")
	if d.view.Removal != nil || len(d.view.Members) == 0 {
		return
	}
	gone := rapid.SampledFrom(d.view.Members).Draw(w.t, "removed").ID
	if rapid.IntRange(0, 4).Draw(w.t, "leaves") == 0 {
		gone = d.id
	}
	d.known.Remove(Removal{ID: gone, RemovedBy: d.id, RemovedAt: w.now(d)})
	if gone == d.id { // it tells before it goes
		d.write(fileOf(removedDir, gone), d.known.Removals[gone].Marshal(), 0)
		for _, o := range w.devices {
			if w.linked(d, o) {
				w.pull(o, d)
			}
		}
	}
	w.look(d, -1)
}

// removeEachOther is what two members do that do not know of it from the other.
func (w *world) removeEachOther() {
	a := w.device("a")
	if a.view.Removal != nil || len(a.view.Members) == 0 {
		return
	}
	id := rapid.SampledFrom(a.view.Members).Draw(w.t, "b").ID
	i := slices.IndexFunc(w.devices, func(d *device) bool { return d.id == id })
	if b := w.devices[i]; b.has(a) {
		a.known.Remove(Removal{ID: b.id, RemovedBy: a.id, RemovedAt: w.now(a)})
		b.known.Remove(Removal{ID: a.id, RemovedBy: b.id, RemovedAt: w.now(b)})
		w.look(a, -1)
		w.look(b, -1)
	}
}

func (w *world) say() {
	d := w.device("sayer")
	if d.view.Self == nil {
		return
	}
	about := d.id
	if len(d.view.Members) > 0 {
		about = rapid.SampledFrom(d.view.Members).Draw(w.t, "about").ID
	}
	kind := rapid.SampledFrom([]string{FactName, FactRole}).Draw(w.t, "kind")
	if err := d.known.Say(about, kind, rapid.SampledFrom([]string{"desk", "agent", "phone"}).Draw(w.t, "value"), d.id); err != nil {
		w.t.Fatal(err)
	}
	w.look(d, -1)
}

// tamper is what somebody does by hand, or a device that misbehaves.
func (w *world) tamper() {
	d := w.device("tamperer")
	if len(d.files) == 0 {
		return
	}
	path := rapid.SampledFrom(slices.Sorted(maps.Keys(d.files))).Draw(w.t, "path")
	switch rapid.SampledFrom([]string{"delete", "garbage", "swap", "edit", "block", "flood"}).Draw(w.t, "tamper") {
	case "delete":
		d.write(path, nil, 99)
	case "garbage":
		d.write(path, []byte("garbage"), 99)
	case "swap":
		d.write(fileOf(devicesDir, deviceID(100)), d.files[path].data, 99) // nobody ever let it in
	case "block": // a file in the place of a directory, and of all that was in it
		kind := rapid.SampledFrom(inOrder).Draw(w.t, "kind")
		for path := range d.files {
			if strings.HasPrefix(path, kind+"/") {
				d.write(path, nil, 99)
			}
		}
		d.write(kind, []byte("in the way"), 99)
	case "flood": // of what is about devices that nobody ever let in
		for i := 200; i < 203; i++ {
			id := deviceID(i)
			d.write(fileOf(removedDir, id), Removal{ID: id}.Marshal(), 99)
			d.write(fileOf(factsDir, id), marshalFacts(id, Facts{d.id: {FactName: {"flood", maxCount, id}}, id: {FactName: {"flood", 1, id}}}), 99)
			d.write(fmt.Sprintf("%s/junk-%d", rapid.SampledFrom(inOrder).Draw(w.t, "kind"), i), []byte("junk"), 99)
		}
	case "edit":
		if r, ok := d.known.Records[strings.TrimSuffix(strings.TrimPrefix(path, devicesDir+"/"), extension)]; ok {
			r.Name = "edited"
			w.tampering = true
			d.write(path, r.Marshal(), 99)
		}
	}
}

func (w *world) restart() {
	d := w.device("restarted")
	if d.kept == nil {
		return
	}
	// Killed while it wrote, with what was kept before that.
	w.look(d, rapid.IntRange(0, 3).Draw(w.t, "written"))
	known, err := decodeKnown(d.kept, "n")
	if err != nil {
		w.t.Fatal(err)
	}
	d.known = known
	w.look(d, -1)
}

func (w *world) sync() {
	a, b := w.device("a"), w.device("b")
	if a == b || !w.linked(a, b) {
		return
	}
	w.pull(a, b)
	if rapid.Bool().Draw(w.t, "late") {
		return // a has not looked yet
	}
	w.look(a, -1)
}

// settle lets everything that is possible happen. It has to come to an end.
func (w *world) settle() {
	for round := 0; ; round++ {
		changed := false
		for _, d := range w.devices {
			changed = w.look(d, -1) || changed
		}
		for _, a := range w.devices {
			for _, b := range w.devices {
				if a != b && w.linked(a, b) {
					changed = w.pull(a, b) || changed
				}
			}
		}
		if !changed {
			return
		}
		if round > 60 {
			w.t.Fatal("it goes on for ever")
		}
	}
}

func ids(v View, self string) []string {
	out := []string{self}
	for _, m := range v.Members {
		out = append(out, m.ID)
	}
	slices.Sort(out)
	return out
}

// Whatever happens, in whatever order, and whoever misses what: all members that
// can reach each other end with the same set, nobody outside is ever a peer of
// anyone, and a removal is never lost.
func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, part: map[*device]int{}, admitted: map[string]bool{}}
		founder := w.newDevice()
		w.admitted[founder.id] = true
		founder.known.Add(Record{ID: founder.id, Name: "laptop", AddedBy: founder.id, AddedAt: w.now(founder)})
		w.look(founder, -1)
		w.admit()
		t.Repeat(map[string]func(*rapid.T){
			"join":    func(*rapid.T) { w.admit() },
			"remove":  func(*rapid.T) { w.remove() },
			"mutual":  func(*rapid.T) { w.removeEachOther() },
			"say":     func(*rapid.T) { w.say() },
			"restart": func(*rapid.T) { w.restart() },
			"sync":    func(*rapid.T) { w.sync() },
			"sync2":   func(*rapid.T) { w.sync() },
			"settle":  func(*rapid.T) { w.settle() },
			"tamper":  func(*rapid.T) { w.tamper() },
			"part": func(t *rapid.T) {
				for _, d := range w.devices {
					w.part[d] = rapid.IntRange(0, 2).Draw(t, "part")
				}
			},
			"heal": func(*rapid.T) { clear(w.part) },
		})
		clear(w.part)
		w.settle()
		for _, a := range w.devices {
			for _, b := range w.devices {
				if a == b || !w.linked(a, b) {
					continue
				}
				if !slices.Equal(ids(a.view, a.id), ids(b.view, b.id)) {
					t.Fatalf("%s sees %v, %s sees %v", a.id[:3], ids(a.view, a.id), b.id[:3], ids(b.view, b.id))
				}
				for id := range a.known.Removals {
					if _, ok := b.known.Removals[id]; !ok {
						t.Fatalf("%s knows that %s was removed, %s does not", a.id[:3], id[:3], b.id[:3])
					}
				}
				if !a.known.Facts.equal(b.known.Facts) {
					t.Fatalf("%s: %v, %s: %v", a.id[:3], a.known.Facts, b.id[:3], b.known.Facts)
				}
				if got := a.view.named(b.id); !w.tampering && got != b.view.Self.ShownName {
					t.Fatalf("%s is %q here and %q there", b.id[:3], b.view.Self.ShownName, got)
				}
			}
		}
	})
}

func (v View) named(id string) string {
	for _, m := range v.Members {
		if m.ID == id {
			return m.ShownName
		}
	}
	return ""
}
