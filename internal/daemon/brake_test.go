package daemon

import (
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
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

// What was moved before the rest was deleted was not deleted.
func TestToldBeforeIsWhatIsGone(t *testing.T) {
	t.Parallel()
	h := heldIn("shared", engine.Brake{Held: true, Files: 20, Of: 40, Passed: 15, Gone: 3})
	if p := heldProblem("shared", *h); h.Told != 3 || !strings.Contains(p.Message, " 3 more were deleted") {
		t.Errorf("%d were told: %s", h.Told, p.Message)
	}
	h = heldIn("shared", engine.Brake{Held: true, Files: 20, Of: 40, Passed: 15})
	if p := heldProblem("shared", *h); strings.Contains(p.Message, "more were deleted") {
		t.Error(p.Message)
	}
}
