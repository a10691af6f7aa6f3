package daemon

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// What was decided about one folder is said also if another one could not be decided
// about; if none could be, that is the error.
func TestWhatWasDecidedIsSaid(t *testing.T) {
	t.Parallel()
	undecided := func(codes ...string) (out []api.Undecided) {
		for _, code := range codes {
			out = append(out, api.Undecided{Name: code, Error: api.Errorf(code, "", "%s", code)})
		}
		return out
	}
	decided := []api.HeldFolder{{Name: "shared"}}
	for name, tt := range map[string]struct {
		line api.ResumeLine
		want string // code
	}{
		"nothing was held":     {api.ResumeLine{}, ""},
		"all were decided":     {api.ResumeLine{Folders: decided}, ""},
		"one of two was":       {api.ResumeLine{Folders: decided, Undecided: undecided(api.CodeTimeout)}, ""},
		"none was":             {api.ResumeLine{Undecided: undecided(api.CodeTimeout, api.CodeRefused)}, api.CodeTimeout},
		"one only receives":    {api.ResumeLine{Undecided: undecided(api.CodeReceiveOnly)}, api.CodeReceiveOnly},
		"one of them could be": {api.ResumeLine{Undecided: undecided(api.CodeReceiveOnly, api.CodeTimeout)}, api.CodeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := noneDecided(&tt.line)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || asAPI(err).Code != tt.want) {
				t.Errorf("the error is %v, not %q", err, tt.want)
			}
		})
	}
}
