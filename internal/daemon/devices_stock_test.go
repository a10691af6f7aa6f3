package daemon

import (
	"errors"
	"slices"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

// While it is not known whether a Syncthing without botsync shares a folder, it is
// neither said that it has everything nor that it shares nothing.
func TestUnknownSharingIsWaitedFor(t *testing.T) {
	t.Parallel()
	phone := api.Device{ID: "CCCCCCC", Name: "phone"}
	nothing := engine.Completion{Connected: true, Known: true}
	const yes, no, unknown = engine.Shared, engine.NotShared, engine.SharingUnknown
	for name, test := range map[string]struct {
		says           []engine.Sharing
		shared         int
		done, unshared bool
	}{
		"all":                  {[]engine.Sharing{yes, yes}, 2, true, false},
		"one":                  {[]engine.Sharing{yes, no}, 1, true, false},
		"none":                 {[]engine.Sharing{no, no}, 0, false, true},
		"one, perhaps another": {[]engine.Sharing{yes, unknown}, 1, false, false},
		"perhaps one":          {[]engine.Sharing{no, unknown}, 0, false, false},
	} {
		folders := []string{"0", "1"}
		shared, known, err := sharedOf(folders, func(f string) (engine.Sharing, error) {
			return test.says[slices.Index(folders, f)], nil
		})
		if err != nil || len(shared) != test.shared {
			t.Fatalf("%s: %q, %v", name, shared, err)
		}
		peer := seenOf(phone, nothing, shared, known)
		_, done := newTally(nil).judge(api.Lack{Device: api.Device{ID: "self"}, Connected: true}, []peerCompletion{peer})
		if done != test.done || peer.Unshared != test.unshared {
			t.Errorf("%s: done %v, unshared %v", name, done, peer.Unshared)
		}
	}
	broken := errors.New("broken")
	if _, _, err := sharedOf([]string{"0"}, func(string) (engine.Sharing, error) { return unknown, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
