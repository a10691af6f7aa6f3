package engine

import "testing"

func TestNeverSynced(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		".stignore": true, ".STIGNORE": true, ".\u017ftignore": true, ".stfolder": true, ".stfolder/x": true, ".stversions/a/b": true,
		".syncthing.a.tmp": true, "a/.syncthing.a.tmp": true, "a/.Syncthing.a.tmp/b": true, "a/.stignore/b": false,
		"report": false, "a/b": false, ".botsyncignore": false, "stignore": false,
	} {
		if got := NeverSynced(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
