package engine

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
	"pgregory.net/rapid"
)

// mapStore is a database of one folder in memory, as far as a layer asks for it.
type mapStore struct {
	store[struct{}, struct{}, fileMetadata, struct{}, keyAndValue]
	files    map[protocol.DeviceID]map[string]protocol.FileInfo
	sequence int64
	mtimes   map[string]time.Time
	kv       map[string][]byte
	fail     error
	reading  func() // called in the middle of a question
	asked    int    // questions for the entry of a file
}

func newMapStore() *mapStore {
	return &mapStore{files: map[protocol.DeviceID]map[string]protocol.FileInfo{}, mtimes: map[string]time.Time{}, kv: map[string][]byte{}}
}

type keyAndValue = struct {
	Key   string
	Value []byte
}

func over(s *mapStore) *layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue] {
	return layerOver[struct{}, struct{}, fileMetadata, struct{}, keyAndValue](s)
}

// own returns a copy, as that of what was read from a disk.
func own(f protocol.FileInfo) protocol.FileInfo {
	f.Version.Counters = slices.Clone(f.Version.Counters)
	return f
}

func (s *mapStore) Update(_ string, device protocol.DeviceID, files []protocol.FileInfo, _ ...struct{}) error {
	if s.fail != nil {
		return s.fail
	}
	if s.files[device] == nil {
		s.files[device] = map[string]protocol.FileInfo{}
	}
	for _, f := range files {
		s.sequence++
		f.Sequence = s.sequence
		s.files[device][f.Name] = own(f)
	}
	return nil
}

func (s *mapStore) GetDeviceFile(_ string, device protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	s.asked++
	f, ok := s.files[device][name]
	if s.reading != nil {
		s.reading()
	}
	return own(f), ok, s.fail
}

func (s *mapStore) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	s.asked++
	var global protocol.FileInfo
	found := false
	for _, files := range s.files {
		if f, ok := files[name]; ok && (!found || f.Version.Compare(global.Version) == protocol.Greater) {
			global, found = f, true
		}
	}
	return own(global), found, s.fail
}

func (s *mapStore) AllLocalFiles(_ string, device protocol.DeviceID) (iter.Seq[protocol.FileInfo], func() error) {
	return s.AllLocalFilesWithPrefix("", device, "")
}

func (s *mapStore) AllLocalFilesWithPrefix(_ string, device protocol.DeviceID, prefix string) (iter.Seq[protocol.FileInfo], func() error) {
	return func(yield func(protocol.FileInfo) bool) {
		for _, name := range slices.Sorted(maps.Keys(s.files[device])) {
			if strings.HasPrefix(name, prefix) && !yield(own(s.files[device][name])) {
				return
			}
		}
	}, func() error { return s.fail }
}

func (s *mapStore) AllGlobalFilesPrefix(_, prefix string) (iter.Seq[fileMetadata], func() error) {
	names := map[string]bool{}
	for _, files := range s.files {
		for name := range files {
			names[name] = true
		}
	}
	return func(yield func(fileMetadata) bool) {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if strings.HasPrefix(name, prefix) && !yield(fileMetadata{Name: name}) {
				return
			}
		}
	}, func() error { return s.fail }
}

func (s *mapStore) DropAllFiles(_ string, device protocol.DeviceID) error {
	delete(s.files, device)
	return nil
}

func (s *mapStore) DropFilesNamed(_ string, device protocol.DeviceID, names []string) error {
	for _, name := range names {
		delete(s.files[device], name)
	}
	return nil
}

func (s *mapStore) DropDevice(device protocol.DeviceID) error { return s.DropAllFiles("", device) }

func (s *mapStore) GetDeviceSequence(string, protocol.DeviceID) (int64, error) {
	return s.sequence, s.fail
}

func (s *mapStore) CountLocal(_ string, device protocol.DeviceID) (c syncthing.Counts, err error) {
	c.Files = len(s.files[device])
	return c, nil
}

func (s *mapStore) GetKV(key string) ([]byte, error) {
	if v, ok := s.kv[key]; ok {
		return v, s.fail
	}
	return nil, errors.New("no rows")
}

func (s *mapStore) PutKV(key string, value []byte) error {
	s.kv[key] = value
	return s.fail
}

func (s *mapStore) GetMtime(_, name string) (onDisk, virtual time.Time) {
	s.asked++
	return s.mtimes[name], s.mtimes[name]
}

func (s *mapStore) PutMtime(_, name string, onDisk, _ time.Time) error {
	s.mtimes[name] = onDisk
	return nil
}

func (s *mapStore) DeleteMtime(_, name string) error {
	s.asked++
	delete(s.mtimes, name)
	return nil
}

func counted(n uint64) protocol.Vector {
	return protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: n}}}
}

var otherDevice = protocol.DeviceID{7}

// A layer answers as the database does, whatever was asked and written before.
func TestLayerAnswersLikeItsDatabase(t *testing.T) {
	t.Parallel()
	names := []string{"f", "top", "top/a", "top/b", "top/c", "top/sub/d", "topmost"}
	for i := range 2 * aheadAfter {
		names = append(names, fmt.Sprintf("top/%d", i), fmt.Sprintf("other/%d", i))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newMapStore()
		name, device := rapid.SampledFrom(names), rapid.SampledFrom([]protocol.DeviceID{protocol.LocalDeviceID, otherDevice})
		clock := uint64(0)
		write := func(update func(string, protocol.DeviceID, []protocol.FileInfo, ...struct{}) error) {
			var files []protocol.FileInfo
			for _, n := range rapid.SliceOfNDistinct(name, 1, 12, rapid.ID[string]).Draw(t, "names") {
				clock++
				files = append(files, protocol.FileInfo{Name: n, Version: counted(clock), Deleted: clock%5 == 0})
			}
			if err := update("f", device.Draw(t, "device"), files); err != nil {
				t.Fatal(err)
			}
		}
		// Some are there before the layer is.
		for range rapid.IntRange(0, 4).Draw(t, "before") {
			write(s.Update)
		}
		l := over(s)
		l.maxWhole = rapid.SampledFrom([]int{0, 10, 1000}).Draw(t, "read at once")
		same := func(what string, got protocol.FileInfo, ok bool, err error, want protocol.FileInfo, there bool) {
			if err != nil || ok != there || got.Name != want.Name || got.Sequence != want.Sequence || !got.Version.Equal(want.Version) {
				t.Fatalf("%s: %v %d %v, %v; the database has %v %d %v", what, ok, got.Sequence, got.Version, err, there, want.Sequence, want.Version)
			}
			got.Version.Update(1) // as a scan does, in place
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) { write(l.Update) },
			"fail": func(*rapid.T) {
				s.fail = errors.New("disk full")
				_ = l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{{Name: name.Draw(t, "name")}})
				s.fail = nil
			},
			"ask": func(*rapid.T) {
				n, d := name.Draw(t, "name"), device.Draw(t, "device")
				got, ok, err := l.GetDeviceFile("f", d, n)
				want, there, _ := s.GetDeviceFile("f", d, n)
				same("entry of "+n, got, ok, err, want, there)
			},
			"ask for a directory": func(*rapid.T) {
				for _, n := range names {
					got, ok, err := l.GetDeviceFile("f", protocol.LocalDeviceID, n)
					want, there, _ := s.GetDeviceFile("f", protocol.LocalDeviceID, n)
					same("entry of "+n, got, ok, err, want, there)
				}
			},
			"ask for the global one": func(*rapid.T) {
				n := name.Draw(t, "name")
				got, ok, err := l.GetGlobalFile("f", n)
				want, there, _ := s.GetGlobalFile("f", n)
				same("global entry of "+n, got, ok, err, want, there)
			},
			"list": func(*rapid.T) {
				d, prefix := device.Draw(t, "device"), rapid.SampledFrom([]string{"", "top", "top/", "f", "none"}).Draw(t, "prefix")
				got, failed := l.AllLocalFilesWithPrefix("f", d, prefix)
				var seqs []int64
				for f := range got {
					seqs = append(seqs, f.Sequence)
				}
				want, _ := s.AllLocalFilesWithPrefix("f", d, prefix)
				var wanted []int64
				for f := range want {
					wanted = append(wanted, f.Sequence)
				}
				slices.Sort(seqs) // in which order they come, no database promises
				slices.Sort(wanted)
				if failed() != nil || !slices.Equal(seqs, wanted) {
					t.Fatalf("below %q: %v, %v; the database has %v", prefix, seqs, failed(), wanted)
				}
			},
			"drop": func(*rapid.T) {
				d := device.Draw(t, "device")
				drop := rapid.SampledFrom([]func() error{
					func() error { return l.DropFilesNamed("f", d, []string{name.Draw(t, "name")}) },
					func() error { return l.DropAllFiles("f", d) },
					func() error { return l.DropDevice(otherDevice) },
				}).Draw(t, "drop")
				if err := drop(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// What is written while an entry is read is not answered for long.
func TestLayerForgetsWhatBecameStale(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue]) error{
		"written": func(l *layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue]) error {
			return l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{{Name: "file", Version: counted(2)}})
		},
		"dropped": func(l *layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue]) error {
			return l.DropFilesNamed("f", protocol.LocalDeviceID, []string{"file"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMapStore()
			l := over(s)
			if err := l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{{Name: "file", Version: counted(1)}}); err != nil {
				t.Fatal(err)
			}
			s.reading = func() {
				s.reading = nil
				if err := change(l); err != nil {
					t.Error(err)
				}
			}
			if got, _, _ := l.GetDeviceFile("f", protocol.LocalDeviceID, "file"); got.Sequence != 1 {
				t.Fatalf("the question was answered with entry %d", got.Sequence)
			}
			got, ok, _ := l.GetDeviceFile("f", protocol.LocalDeviceID, "file")
			want, there, _ := s.GetDeviceFile("f", protocol.LocalDeviceID, "file")
			if ok != there || got.Sequence != want.Sequence {
				t.Errorf("answered %v %d, the database has %v %d", ok, got.Sequence, there, want.Sequence)
			}
		})
	}
}

// A layer spares the questions for which it is there.
func TestLayerAsksLittle(t *testing.T) {
	t.Parallel()
	asked := func(s *mapStore, do func()) int {
		before := s.asked
		do()
		return s.asked - before
	}
	s := newMapStore()
	l := over(s)
	get := func(l *layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue], name string) {
		_, _, _ = l.GetDeviceFile("f", protocol.LocalDeviceID, name)
	}
	if n := asked(s, func() { get(l, "new"); _, _ = l.GetMtime("f", "new"); _ = l.DeleteMtime("f", "new") }); n != 0 {
		t.Errorf("%d questions for a new file", n)
	}
	var files []protocol.FileInfo
	for i := range 100 {
		files = append(files, protocol.FileInfo{Name: fmt.Sprintf("dir/%d", i), Version: counted(1)})
	}
	if err := l.Update("f", protocol.LocalDeviceID, files); err != nil {
		t.Fatal(err)
	}
	if n := asked(s, func() { get(l, "dir/7"); get(l, "dir/7") }); n != 1 {
		t.Errorf("%d questions for a file that was asked for twice", n)
	}

	whole := over(s) // after a restart
	if n := asked(s, func() {
		for _, f := range files {
			get(whole, f.Name)
		}
		get(whole, "dir/new")
		all, _ := whole.AllLocalFilesWithPrefix("f", protocol.LocalDeviceID, "")
		for range all {
		}
		get(whole, "elsewhere/new")
	}); n != 0 {
		t.Errorf("%d questions in a first scan of which all is read at once", n)
	}

	again := over(s)
	again.maxWhole = 0 // there are too many for that
	if n := asked(s, func() {
		for _, f := range files {
			get(again, f.Name)
		}
		get(again, "dir/new")
	}); n != aheadAfter-1 {
		t.Errorf("%d questions in a first scan, before the directory is read ahead", n)
	}
	all, _ := again.AllLocalFiles("f", protocol.LocalDeviceID)
	for range all {
	}
	if n := asked(s, func() { get(again, "elsewhere/new"); _, _ = again.GetMtime("f", "new") }); n != 0 {
		t.Errorf("%d questions for a new file after a first scan", n)
	}
}

// A time that was kept apart is found, also by the next layer.
func TestLayerKeepsMtimes(t *testing.T) {
	t.Parallel()
	s := newMapStore()
	l := over(s)
	_, _ = l.GetMtime("f", "file")
	at := time.Unix(1, 0)
	if err := l.PutMtime("f", "file", at, at); err != nil {
		t.Fatal(err)
	}
	s.sequence = 1
	for _, l := range []*layer[struct{}, struct{}, fileMetadata, struct{}, keyAndValue]{l, over(s)} {
		if got, _ := l.GetMtime("f", "file"); !got.Equal(at) {
			t.Errorf("the time is %v", got)
		}
	}
	if err := over(s).DeleteMtime("f", "file"); err != nil || len(s.mtimes) != 0 {
		t.Errorf("%d times are left, %v", len(s.mtimes), err)
	}

	// An index from before anybody took note of that.
	old := newMapStore()
	old.sequence, old.mtimes["file"] = 1, at
	if got, _ := over(old).GetMtime("f", "file"); !got.Equal(at) {
		t.Errorf("the time in an older index is %v", got)
	}
}
