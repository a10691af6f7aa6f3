package daemon

import (
	"testing"

	"github.com/botsync/botsync/internal/network"
)

func TestNameProblem(t *testing.T) {
	t.Parallel()
	for total, want := range map[int]string{
		1: `shared/report:final.md cannot be held by laptop (Windows): ":" is not allowed in a name.`,
		3: `3 files cannot be held by laptop (Windows), the first: shared/report:final.md: ":" is not allowed in a name.`,
	} {
		if p := nameProblem("shared/report:final.md", total, "laptop", "windows"); p.Message != want || p.Code != "name_unholdable" || p.Hint == "" {
			t.Errorf("%+v, want %s", p, want)
		}
	}
}

// A device tells its system once, if it is one that cannot hold every name, and
// the others know it as a member of that system.
func TestTheSystemIsTold(t *testing.T) {
	t.Parallel()
	ms := founded(t)
	for _, tt := range []struct {
		system string
		told   bool
		want   string
	}{{"linux", false, ""}, {"windows", true, "windows"}, {"windows", false, "windows"}, {"darwin", true, "darwin"}} {
		told, err := ms.tellSystem(tt.system)
		if err != nil || told != tt.told {
			t.Errorf("%s: told %v, %v", tt.system, told, err)
		}
		if err := ms.reread(); err != nil {
			t.Fatal(err)
		}
		if view := network.Plan(ms.known, ms.self); view.Self == nil || view.Self.System != tt.want {
			t.Errorf("%s: %+v", tt.system, view.Self)
		}
	}
}
