package needs

import (
	"fmt"
	"testing"
)

// outcome is a testing.TB that notes how a test ended.
type outcome struct {
	testing.TB
	said string
}

func (o *outcome) Helper()                   {}
func (o *outcome) Skipf(f string, a ...any)  { o.said = "skip: " + fmt.Sprintf(f, a...) }
func (o *outcome) Fatalf(f string, a ...any) { o.said = "fail: " + fmt.Sprintf(f, a...) }

func TestMissingTool(t *testing.T) {
	for _, tt := range []struct{ all, want string }{
		{"", `skip: this test needs the program no-such-program: exec: "no-such-program": executable file not found in $PATH`},
		{"1", `fail: not skipped, because of BOTSYNC_TEST_ALL=1: this test needs the program no-such-program: exec: "no-such-program": executable file not found in $PATH`},
	} {
		t.Setenv(AllEnv, tt.all)
		var got outcome
		Tool(&got, "no-such-program")
		if got.said != tt.want {
			t.Errorf("%s=%q: got %q, want %q", AllEnv, tt.all, got.said, tt.want)
		}
	}
}

func TestToolThatIsThere(t *testing.T) {
	if path := Tool(t, "go"); path == "" {
		t.Error("no path")
	}
}
