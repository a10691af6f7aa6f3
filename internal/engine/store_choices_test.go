package engine

import (
	"slices"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// What is to be reverted is what was chosen last, whoever is done first; scans see
// everything.
func TestOnlyChosenFilesAreReverted(t *testing.T) {
	t.Parallel()
	s := newMapStore()
	s.files[protocol.LocalDeviceID] = map[string]protocol.FileInfo{"a": {Name: "a"}, "b": {Name: "b"}, "c": {Name: "c"}}
	l := layerOver(s)
	check := func(want ...string) {
		t.Helper()
		var reverted, scanned []string
		entries, _ := l.AllLocalFiles("f", protocol.LocalDeviceID)
		for f := range entries {
			reverted = append(reverted, f.Name)
		}
		entries, _ = l.AllLocalFilesWithPrefix("f", protocol.LocalDeviceID, "")
		for f := range entries {
			scanned = append(scanned, f.Name)
		}
		if !slices.Equal(reverted, want) {
			t.Errorf("%q are reverted, not %q", reverted, want)
		}
		if !slices.Equal(scanned, []string{"a", "b", "c"}) {
			t.Errorf("a scan sees %q", scanned)
		}
	}
	check("a", "b", "c")
	first := l.only("f", map[string]bool{"a": true})
	check("a")
	second := l.only("f", map[string]bool{"b": true})
	check("b")
	first()
	check("b")
	all := l.only("f", nil)
	check("a", "b", "c")
	second()
	none := l.only("f", map[string]bool{})
	all()
	check()
	none()
	none()
	check("a", "b", "c")
	l.only("g", map[string]bool{})
	check("a", "b", "c")
}
