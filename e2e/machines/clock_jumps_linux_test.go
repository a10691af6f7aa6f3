package machines

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// The clock of a device jumps ahead by weeks, and is then a year behind. Old versions
// do not go for that, though those do for which there is no room, the oldest first.
// They come back, what was done in the last ten minutes is what was done then, and
// the device says that its clock is wrong.
func TestClockJumpsCostNoVersion(t *testing.T) {
	t.Parallel()
	list := lan(t, "agent", "laptop")
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	laptop.Join(agent.Init().Code)
	change := func(name, before, after string) {
		t.Helper()
		agent.Write(name, before)
		laptop.AwaitFile(name, before)
		agent.Write(name, after)
		laptop.AwaitFile(name, after)
	}
	change("shared/large", strings.Repeat("0123456789", 200_000), "small")
	change("shared/report", "first", "second")
	agent.Write("shared/gone", "deleted by the agent")
	laptop.AwaitFile("shared/gone", "deleted by the agent")
	if err := os.Remove(agent.Path("shared", "gone")); err != nil {
		t.Fatal(err)
	}
	botsynctest.Await(t, "the deletion", func() bool { _, err := os.Lstat(laptop.Path("shared", "gone")); return os.IsNotExist(err) })

	laptop.Must("stop")
	file := laptop.Path(".botsync", "config.toml")
	text := strings.Replace(readFile(t, file), `max_size = ""`, `max_size = "1MiB"`, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || !strings.Contains(text, "1MiB") {
		t.Fatalf("%v\n%s", err, text)
	}
	laptop.Must("start")
	skewClock(t, laptop, 60*24*time.Hour)
	botsynctest.AwaitFor(t, 2*botsynctest.Patience, "the oldest version to go, which is too large", func() bool {
		left, err := filepath.Glob(laptop.Path(".botsync", "versions", "shared", "large~*"))
		return err == nil && len(left) == 0
	})
	old := func(n node) (out []string) {
		t.Helper()
		var got api.History
		if err := json.Unmarshal([]byte(n.Must("history", "--json", "--here").Stdout), &got); err != nil {
			t.Fatal(err)
		}
		for _, v := range got.Versions {
			out = append(out, v.Path)
		}
		return out
	}
	if got := old(laptop); !slices.Equal(got, []string{"shared/report", "shared/gone"}) {
		t.Fatalf("after the clock jumped ahead there are %q", got)
	}
	mustSayClockJumped(t, laptop, "jumped ahead")

	// A year behind what it was.
	wrong := -400 * 24 * time.Hour
	skewClock(t, laptop, wrong)
	mustSayClockJumped(t, laptop, "set back")
	agent.Write("shared/report", "third")
	laptop.AwaitFile("shared/report", "third")
	if got := old(laptop); !slices.Equal(got, []string{"shared/report", "shared/gone", "shared/report"}) {
		t.Fatalf("after the clock was set back there are %q", got)
	}
	// Ten minutes ago by that clock; what was done before it jumped is longer ago.
	laptop.Must("undo", "--by", "agent", "--since", time.Now().Add(wrong-10*time.Minute).UTC().Format(time.RFC3339))
	agent.AwaitFile("shared/report", "second")
	agent.Write("shared/report", "fourth")
	laptop.AwaitFile("shared/report", "fourth")
	agent.Must("undo", "--by", "agent", "--since", "10m") // whose clock is right
	agent.AwaitFile("shared/report", "second")
	laptop.AwaitFile("shared/report", "second")

	laptop.Kill()
	laptop.Must("start") // with a clock that is right, and by which all was done long ago
	laptop.Must("restore", "--deleted", "shared")
	agent.AwaitFile("shared/gone", "deleted by the agent")
	laptop.Must("restore", "shared/report", "--at", "61d")
	agent.AwaitFile("shared/report", "first")
}

func mustSayClockJumped(t *testing.T, n node, what string) {
	t.Helper()
	n.AwaitStatus("its clock "+what, func(s api.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return p.Code == "clock_jumped" && strings.Contains(p.Message, what) })
	})
	var got api.Doctor
	if err := json.Unmarshal([]byte(n.Run("doctor", "--json").Stdout), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(got.Checks, func(c api.DoctorCheck) bool { return c.Code == "clock" && c.Status != api.CheckOK }) {
		t.Errorf("%s: doctor does not say that the clock is wrong: %+v", n.Name, got.Checks)
	}
}
