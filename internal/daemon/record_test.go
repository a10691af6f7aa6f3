package daemon

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/state"
)

func TestWhatHappenedToAFile(t *testing.T) {
	t.Parallel()
	told := state.File{Content: 1, Attributes: 1}
	for name, test := range map[string]struct {
		change engine.Change
		was    bool
		want   string
	}{
		"it came":                   {engine.Change{Content: 1, Attributes: 1}, false, api.ActionNew},
		"it has other contents":     {engine.Change{Content: 2, Attributes: 2}, true, api.ActionChanged},
		"it has another time":       {engine.Change{Content: 1, Attributes: 2}, true, api.ActionTouched},
		"it went":                   {engine.Change{Attributes: 2, Deleted: true}, true, api.ActionDeleted},
		"it came and went unseen":   {engine.Change{Attributes: 2, Deleted: true}, false, ""},
		"it is as it was told":      {engine.Change{Content: 1, Attributes: 1}, true, ""},
		"it went, told before once": {engine.Change{Attributes: 1, Deleted: true}, true, api.ActionDeleted},
	} {
		old := state.File{}
		if test.was {
			old = told
		}
		if got := happened(test.change, old, test.was); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
