package cli

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// That nothing was decided about some of the folders is an error, unless they only
// receive.
func TestUndecidedFolders(t *testing.T) {
	t.Parallel()
	receives := api.Undecided{Name: "inbox", Error: api.Errorf(api.CodeReceiveOnly, "", "inbox is receive-only")}
	late := api.Undecided{Name: "shared", Error: api.Errorf(api.CodeTimeout, "", "the time ran out")}
	if err := undecided(&api.ResumeLine{Undecided: []api.Undecided{receives}}); err != nil {
		t.Errorf("a folder that only receives is an error: %v", err)
	}
	if err := undecided(&api.ResumeLine{Undecided: []api.Undecided{receives, late}}); err != late.Error {
		t.Errorf("the error is %v", err)
	}
}
