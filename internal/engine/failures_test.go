package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
)

// failing is a Syncthing with a folder in this state, in which these files have failed.
type failing struct {
	model.Model
	state string
	paths []string
}

func (f *failing) State(string) (string, time.Time, error) { return f.state, time.Time{}, nil }

func (f *failing) FolderErrors(string) ([]model.FileError, error) {
	var out []model.FileError
	for _, p := range f.paths {
		out = append(out, model.FileError{Path: p})
	}
	return out, nil
}

// What has failed is said also while it is tried again, and no longer.
func TestFailuresWhileTheyAreTriedAgain(t *testing.T) {
	t.Parallel()
	m := &failing{}
	e := &Engine{model: m}
	for i, step := range []struct {
		to, now string // the state that an event tells, and the present one
		paths   []string
		want    []string
	}{
		{"sync-waiting", "sync-waiting", nil, nil},
		{"idle", "idle", []string{"a", "c"}, []string{"a", "c"}},
		{"sync-waiting", "sync-waiting", []string{"a", "c"}, []string{"a", "c"}},
		{"sync-preparing", "sync-preparing", nil, []string{"a", "c"}},
		{"syncing", "syncing", []string{"b", "c"}, []string{"a", "b", "c"}},
		{"idle", "syncing", nil, []string{"a", "c"}}, // the news of an earlier rest
		{"idle", "idle", []string{"b"}, []string{"b"}},
		{"scanning", "scanning", nil, nil},
		{"syncing", "syncing", nil, []string{"b"}},
		{"idle", "idle", nil, nil},
		{"syncing", "syncing", nil, nil},
	} {
		m.state, m.paths = step.now, step.paths
		e.noteFailures(events.Event{Type: events.StateChanged, Data: map[string]any{"folder": "f", "to": step.to}})
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
