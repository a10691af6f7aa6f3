package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// failing is a Syncthing with a folder in this state, in which these files have failed.
type failing struct {
	model.Model
	state string
	paths []string
}

func (f *failing) State(string) (string, time.Time, error) { return f.state, time.Time{}, nil }

func (f *failing) FolderErrors(string) ([]model.FileError, error) { return fileErrors(f.paths), nil }

func fileErrors(paths []string) (out []model.FileError) {
	for _, p := range paths {
		out = append(out, model.FileError{Path: p})
	}
	return out
}

// lacking is the index of a device that lacks these files.
type lacking struct {
	index
	paths []string
}

func (l *lacking) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	return protocol.FileInfo{Name: name, Version: protocol.Vector{}.Update(1)}, true, nil
}

func (l *lacking) GetDeviceFile(_ string, _ protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	f := protocol.FileInfo{Name: name, Version: protocol.Vector{}.Update(1)}
	if slices.Contains(l.paths, name) {
		f.Version = protocol.Vector{}
	}
	return f, true, nil
}

// What has failed is said also while it is tried again, as long as it is needed.
func TestFailuresWhileTheyAreTriedAgain(t *testing.T) {
	t.Parallel()
	m, db := &failing{}, &lacking{}
	e := &Engine{model: m, db: db}
	note := func(typ events.EventType, data map[string]any) {
		data["folder"] = "f"
		e.noteFailures(events.Event{Type: typ, Data: data})
	}
	pulled := func(paths ...string) {
		if len(paths) > 0 {
			note(events.FolderErrors, map[string]any{"errors": fileErrors(paths)})
		}
		note(events.StateChanged, map[string]any{"from": "syncing", "to": "idle"})
	}
	for i, step := range []struct {
		do     func()
		state  string
		paths  []string // what Syncthing says
		lacked []string
		want   []string
	}{
		{func() {}, "syncing", nil, []string{"a"}, nil},
		{func() { pulled("a", "c") }, "idle", []string{"a", "c"}, []string{"a", "c"}, []string{"a", "c"}},
		{func() {}, "sync-preparing", nil, []string{"a", "c"}, []string{"a", "c"}},
		{func() {}, "syncing", nil, []string{"c"}, []string{"c"}}, // a has come meanwhile
		{func() {}, "syncing", []string{"b", "c"}, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		{func() { pulled("b") }, "syncing", nil, []string{"a", "b"}, []string{"b"}}, // it pulls again already
		{func() {}, "scanning", nil, []string{"b"}, nil},
		{func() { note(events.StateChanged, map[string]any{"from": "scanning", "to": "idle"}) }, "syncing", nil, []string{"b"}, []string{"b"}},
		{func() { pulled() }, "idle", nil, []string{"b"}, nil},
		{func() {}, "syncing", nil, []string{"b"}, nil},
	} {
		step.do()
		m.state, m.paths, db.paths = step.state, step.paths, step.lacked
		failed, err := e.failed("f")
		var got []string
		for _, f := range failed {
			got = append(got, f.Path)
		}
		if err != nil || !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v, %v, want %v", i, got, err, step.want)
		}
	}
}
