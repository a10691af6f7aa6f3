package network

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder is a synced folder in memory.
type folder map[string][]byte

// seen is what a Store would see. A file in the place of a directory makes it one
// that is empty.
func (f folder) seen(known ...Known) Seen {
	seen := newSeen(append(known, Known{})[0])
	for _, kind := range inOrder {
		if _, blocked := f[kind]; blocked {
			continue
		}
		var names []string
		for path := range f {
			if dir, name, ok := cutPath(path); ok && dir == kind {
				names = append(names, name)
			}
		}
		for _, name := range seen.order(kind, names, true) {
			data := f[kind+"/"+name]
			seen.add(kind, name, func(string) error { return nil }, func(limit int64) ([]byte, error) {
				return data[:min(int64(len(data)), limit)], nil
			})
		}
	}
	return seen
}

func (f folder) add(r Record) { f[fileOf(devicesDir, r.ID)] = r.Marshal() }

func (f folder) remove(id string) {
	f[fileOf(removedDir, id)] = Removal{ID: id, RemovedBy: idA, RemovedAt: time.Unix(1_800_000_000, 0)}.Marshal()
}

func paths(files []File) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.Path)
	}
	return out
}

func badPaths(bad []BadFile) []string {
	var out []string
	for _, b := range bad {
		out = append(out, b.Path)
	}
	return out
}

func TestRemovalIsForGood(t *testing.T) {
	t.Parallel()
	self, gone := deviceID(1), deviceID(2)
	f := folder{}
	f.add(record(1))
	f.add(record(2))
	f.remove(gone)
	m := Merge(Known{}, f.seen(), self)
	if !m.Changed || m.Known.Is(gone) || !m.Known.Is(self) {
		t.Fatalf("known: %+v", m.Known)
	}
	file := fileOf(removedDir, gone)
	for name, data := range map[string][]byte{
		"deleted":           nil,
		"emptied":           {},
		"about another one": Removal{ID: self}.Marshal(),
	} {
		if delete(f, file); data != nil {
			f[file] = data
		}
		again := Merge(m.Known, f.seen(), self)
		if again.Known.Is(gone) || again.Changed || !slices.Equal(paths(again.Write), []string{file}) {
			t.Errorf("%s: changed %v, to write: %q", name, again.Changed, paths(again.Write))
		}
		if data != nil && !slices.Equal(badPaths(again.Bad), []string{file}) {
			t.Errorf("%s: reported are %v", name, again.Bad)
		}
	}
	// Its record comes once more, as from a device that was away for long.
	f.remove(gone)
	late := record(2)
	late.AddedAt, late.AddedBy = time.Unix(1_900_000_000, 0), deviceID(7)
	f.add(late)
	if again := Merge(m.Known, f.seen(), self); again.Known.Is(gone) {
		t.Fatal("a later record brings it back")
	}
}

func TestRecordsAreNotEdited(t *testing.T) {
	t.Parallel()
	self := deviceID(1)
	f := folder{}
	f.add(record(1))
	f.add(record(2))
	known := Merge(Known{}, f.seen(), self).Known
	file := fileOf(devicesDir, deviceID(2))
	for name, test := range map[string]struct {
		change  func(*Record)
		bad     bool
		rewrite bool
		adopted bool
	}{
		"name":                         {change: func(r *Record) { r.Name = "other" }, bad: true},
		"role":                         {change: func(r *Record) { r.Role = "agent" }, bad: true},
		"stock":                        {change: func(r *Record) { r.Stock = true; r.AddedAt = time.Unix(1, 0); r.AddedBy = self }, bad: true},
		"added_by":                     {change: func(r *Record) { r.AddedBy = self }, bad: true},
		"added_at":                     {change: func(r *Record) { r.AddedAt = time.Unix(1, 0) }, bad: true},
		"a later add":                  {change: func(r *Record) { r.AddedBy = self; r.AddedAt = r.AddedAt.Add(time.Hour) }, rewrite: true},
		"an earlier add":               {change: func(r *Record) { r.AddedBy = self; r.AddedAt = r.AddedAt.Add(-time.Hour) }, adopted: true},
		"nothing that is a difference": {change: func(r *Record) { r.AddedAt = r.AddedAt.In(time.FixedZone("", 3600)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edited := record(2)
			test.change(&edited)
			f := folder{}
			f.add(record(1))
			f.add(edited)
			m := Merge(known, f.seen(), self)
			if got := slices.Contains(badPaths(m.Bad), file); got != test.bad {
				t.Errorf("reported: %v", m.Bad)
			}
			if got := slices.Contains(paths(m.Write), file); got != test.rewrite {
				t.Errorf("to write: %q", paths(m.Write))
			}
			want := record(2)
			if test.adopted {
				want = edited
			}
			if !m.Known.Records[deviceID(2)].equal(want) || m.Changed != test.adopted {
				t.Errorf("known is %+v", m.Known.Records[deviceID(2)])
			}
		})
	}
}

// Two devices that add, remove or rename the same one at the same time write the
// same file, or files that mean the same to all.
func TestConflictCopiesAreMerged(t *testing.T) {
	t.Parallel()
	self := deviceID(1)
	copyOf := func(path string) string {
		return path[:len(path)-len(extension)] + ".sync-conflict-20261122-105243-ABCDEFG.json"
	}
	early := record(2)
	early.AddedBy, early.AddedAt = deviceID(5), time.Unix(1_700_000_000, 0)
	f := folder{}
	f.add(record(1))
	f.add(record(2))
	f[copyOf(fileOf(devicesDir, deviceID(2)))] = early.Marshal()
	f[copyOf(fileOf(removedDir, deviceID(3)))] = Removal{ID: deviceID(3)}.Marshal()
	f[copyOf(fileOf(devicesDir, deviceID(4)))] = []byte("half a record")
	m := Merge(Known{}, f.seen(), self)
	if len(m.Bad) > 0 || len(m.Remove) != 3 {
		t.Fatalf("bad: %v, to remove: %q", m.Bad, m.Remove)
	}
	if !m.Known.Records[deviceID(2)].equal(early) || m.Known.Removals[deviceID(3)].ID == "" {
		t.Fatalf("known: %+v", m.Known)
	}
	want := []string{fileOf(devicesDir, deviceID(2)), fileOf(removedDir, deviceID(3))}
	if diff := cmp.Diff(want, paths(m.Write)); diff != "" {
		t.Fatal(diff)
	}
}

func TestFactsConverge(t *testing.T) {
	t.Parallel()
	a, b, c := deviceID(1), deviceID(2), deviceID(3)
	known := knownOf(record(1), record(2), record(3))
	onA, onB := known.Clone(), known.Clone()
	for _, err := range []error{onA.Say(c, FactName, "by a", a), onB.Say(c, FactName, "by b", b)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f := folder{}
	for range 2 {
		for id, k := range map[string]*Known{a: &onA, b: &onB} {
			m := Merge(*k, f.seen(*k), id)
			*k = m.Known
			for _, w := range m.Write {
				f[w.Path] = w.Data
			}
		}
	}
	winner := onA.Facts[c][FactName]
	if !onA.Facts.equal(onB.Facts) || winner.Value != "by b" {
		t.Fatalf("a: %+v, b: %+v", onA.Facts, onB.Facts)
	}
	// Whoever knows the latest has the next word.
	if err := onA.Say(c, FactName, "again", a); err != nil {
		t.Fatal(err)
	}
	if got := Merge(onA, f.seen(onA), a); got.Known.Facts[c][FactName].Value != "again" {
		t.Fatalf("got %+v", got.Known.Facts)
	}
	// What the one who said it cannot say any more, one of the others does.
	delete(f, fileOf(factsDir, b))
	m := Merge(onA, f.seen(onA), a)
	if len(m.Write) == 0 {
		t.Fatal("a fact is lost")
	}
	// Nobody says what others still say.
	full := Fact{Value: "x", Count: maxCount, By: b}
	onA.Facts.put(c, FactName, full)
	if err := onA.Say(c, FactName, "y", a); !errors.Is(err, ErrCount) {
		t.Fatalf("got %v", err)
	}
}

func TestWhoIsOutSaysNothing(t *testing.T) {
	t.Parallel()
	known := knownOf(record(1), record(2))
	known.Remove(Removal{ID: deviceID(1)})
	if m := Merge(known, newSeen(known), deviceID(1)); len(m.Write)+len(m.Remove) > 0 {
		t.Fatalf("it would write %q", paths(m.Write))
	}
}

func TestThereAreOnlySoManyDevices(t *testing.T) {
	t.Parallel()
	known := Known{}.Clone()
	for i := range MaxDevices {
		known.Add(record(i))
	}
	f := folder{}
	f.add(record(MaxDevices + 1))
	m := Merge(known, f.seen(), deviceID(0))
	if len(m.Known.Records) != MaxDevices || len(m.Bad) != 1 {
		t.Fatalf("%d are known; reported are %v", len(m.Known.Records), m.Bad)
	}
}

func everybody(string) bool { return true }

func FuzzParseFacts(f *testing.F) {
	f.Add(marshalFacts(idA, Facts{idA: {FactName: {Value: "x", Count: 1, By: idA}}}))
	f.Add([]byte(`{"id":"` + idA + `","facts":{"` + idA + `":{"name":{"value":"\u0007","count":-1}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := ParseFacts(idA, data, everybody)
		if err != nil {
			return
		}
		again, err := ParseFacts(idA, marshalFacts(idA, facts), everybody)
		if err != nil || !again.equal(facts) {
			t.Fatalf("does not read what it wrote: %v", err)
		}
		known := knownOf(Record{ID: idA, Name: "x"})
		known.Facts = facts
		for _, m := range Plan(known, deviceID(1)).Members {
			if !ValidName(m.ShownName) && len(m.ShownName) < MaxNameRunes || !m.Role.Valid() {
				t.Fatalf("accepted %+v", m)
			}
		}
	})
}

func FuzzParseAddresses(f *testing.F) {
	f.Add(AddressesFile(idA, []string{"tcp://192.0.2.1:22000"}).Data)
	f.Add([]byte(`{"id":"` + idA + `","addresses":["\u0007"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		addresses, err := ParseAddresses(idA, data)
		if err != nil {
			return
		}
		if validAddresses(addresses) != nil {
			t.Fatalf("accepted %q", addresses)
		}
		if _, err := ParseAddresses(idA, AddressesFile(idA, addresses).Data); err != nil {
			t.Fatalf("does not read what it wrote: %v", err)
		}
	})
}

func FuzzKnown(f *testing.F) {
	known := knownOf(record(1))
	known.Remove(Removal{ID: deviceID(1)})
	f.Add(known.encode("n"))
	f.Add([]byte(`{"network":"n","records":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := decodeKnown(data, "n")
		if err != nil {
			return
		}
		again, err := decodeKnown(k.encode("n"), "n")
		if err != nil || len(again.Records) != len(k.Records) || len(again.Removals) != len(k.Removals) || !again.Facts.equal(k.Facts) {
			t.Fatalf("does not read what it wrote: %v", err)
		}
	})
}

// Nothing that others say keeps a device from being given another name.
func TestFactsOfOtherKinds(t *testing.T) {
	t.Parallel()
	a, b := deviceID(1), deviceID(2)
	junk := map[string]Fact{}
	for i := range 20 {
		junk["a"+string(rune('a'+i))] = Fact{Value: "x", Count: 1, By: b}
	}
	f := folder{fileOf(factsDir, b): marshalFacts(b, Facts{a: junk})}
	f.add(record(1))
	f.add(record(2))
	known := Merge(Known{}, f.seen(), a).Known
	if len(known.Facts) > 0 {
		t.Fatalf("kept are %v", known.Facts)
	}
	known.Facts[a] = junk // as before there was a bound on them
	for _, kind := range []string{FactName, FactRole} {
		if err := known.Say(a, kind, "agent", a); err != nil || known.Facts[a][kind].Value != "agent" {
			t.Fatalf("%s: %v, %v", kind, err, known.Facts[a][kind])
		}
	}
	if err := known.Say(a, "other", "x", a); err == nil {
		t.Fatal("what is not kept passes for said")
	}
}

// Removals of devices that nobody knows take only so much room, and none from
// those that are known.
func TestThereAreOnlySoManyRemovals(t *testing.T) {
	t.Parallel()
	known := knownOf(record(0), record(1))
	for i := range MaxDevices {
		known.Remove(Removal{ID: deviceID(10 + i)})
	}
	f := folder{}
	f.remove(deviceID(MaxDevices + 20))
	f.remove(deviceID(1))
	m := Merge(known, f.seen(known), deviceID(0))
	if len(m.Known.Removals) != MaxDevices+1 || m.Known.Is(deviceID(1)) {
		t.Fatalf("%d removals are known", len(m.Known.Removals))
	}
	f.add(record(MaxDevices + 20)) // it is one of a device after all
	if m = Merge(m.Known, f.seen(m.Known), deviceID(0)); m.Known.Is(deviceID(MaxDevices + 20)) {
		t.Fatal("a removal is passed over")
	}
}
