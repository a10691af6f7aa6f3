package machines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/botsynctest"
)

const day = 24 * time.Hour

// Two devices are apart for a week, by their own clocks, and both edit the same files
// day after day: one of them runs all the time, the other is switched off every night
// and is edited before it runs, every other day. When they meet, what each wrote last
// is there, on both: under the name of the file if it was written last of all, as a
// conflict copy otherwise. No version of before is gone.
func TestAWeekApart(t *testing.T) {
	t.Parallel()
	sw, list := switched(t, "agent", "laptop")
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	nodes := []node{agent, laptop}
	laptop.Join(agent.Init().Code)
	before := historyOfBefore(t, agent, laptop)
	for _, name := range append(slices.Concat(editedByBoth, editedByOne), "deleted early.md", "deleted late.md") {
		agent.Write("shared/"+name, "as it was when they parted")
	}
	agent.Must("wait", "--synced", "--timeout", "60s")
	mustHaveTheSame(t, nodes)

	each(nodes, func(n node) { n.Must("stop") })
	sw.sh("ip link set port0 down")
	w := &week{t: t, last: map[string]map[string]string{}}
	agent.Must("start")
	unfinished(t, agent)
	for d := 1; d <= 7; d++ {
		w.day(d, agent, laptop)
		for _, n := range nodes {
			if s := n.Status(); len(s.Peers) != 1 || s.Peers[0].Connected {
				t.Fatalf("on day %d %s is connected: %+v", d, n.Name, s.Peers)
			}
		}
	}
	for _, n := range nodes {
		botsynctest.Await(t, n.Name+" has looked through its history, by a clock that is days ahead", func() bool {
			return len(unfinishedIn(n)) == 0
		})
	}

	sw.sh("ip link set port0 up")
	wanted := len(editedByBoth) + 1 // and an edit of what the other deleted later
	for _, n := range nodes {
		n.AwaitStatus("all conflicts", func(s api.Status) bool { return s.Folders[0].Conflicts == wanted && s.Folders[0].NeedFiles == 0 })
	}
	mustHaveTheSame(t, nodes)
	for _, n := range nodes {
		w.check(n)
		kept := contentsBelow(t, n.Path(".botsync", "versions"))
		for _, text := range before[n.Name] {
			if !kept[text] {
				t.Errorf("%s has lost %q, which it had kept before the week", n.Name, text)
			}
		}
	}
	agent.Must("restore", "shared/gone.md")
	for _, n := range nodes {
		n.AwaitFile("shared/gone.md", "deleted by the agent")
	}
}

var (
	editedByBoth = []string{"report.md", "plan.md", "notes.md", "dir/list.csv", "dir/deep/data.json", "new.md"} // the last by neither before
	editedByOne  = []string{"of the agent.md", "of the laptop.md"}
)

// historyOfBefore has each replace and delete something of the other's, and returns
// what each has kept of that.
func historyOfBefore(t *testing.T, agent, laptop node) map[string][]string {
	t.Helper()
	for _, way := range []struct{ from, to node }{{agent, laptop}, {laptop, agent}} {
		for i := range 4 {
			text := fmt.Sprintf("%d by %s, weeks ago", i, way.from.Name)
			way.from.Write("shared/old of "+way.from.Name, text)
			way.to.AwaitFile("shared/old of "+way.from.Name, text)
		}
	}
	agent.Write("shared/gone.md", "deleted by the agent")
	laptop.AwaitFile("shared/gone.md", "deleted by the agent")
	if err := os.Remove(agent.Path("shared", "gone.md")); err != nil {
		t.Fatal(err)
	}
	before := map[string][]string{}
	for _, way := range []struct{ from, to node }{{agent, laptop}, {laptop, agent}} {
		for i := range 3 {
			before[way.to.Name] = append(before[way.to.Name], fmt.Sprintf("%d by %s, weeks ago", i, way.from.Name))
		}
	}
	before[laptop.Name] = append(before[laptop.Name], "deleted by the agent")
	for _, n := range []node{agent, laptop} {
		botsynctest.Await(t, n.Name+" keeps it", func() bool {
			kept := contentsBelow(t, n.Path(".botsync", "versions"))
			return !slices.ContainsFunc(before[n.Name], func(text string) bool { return !kept[text] })
		})
	}
	return before
}

// A week is what two devices do while they are apart.
type week struct {
	t    *testing.T
	last map[string]map[string]string // what each has written last: by device, by name
}

// day has a day pass on both.
func (w *week) day(d int, agent, laptop node) {
	w.t.Helper()
	skewClock(w.t, agent, time.Duration(d)*day)
	edits := w.edits(d)
	w.noticed(agent, func() { w.edit(agent, d, edits[agent.Name]) })
	if laptop.Held() {
		laptop.Must("stop")
	}
	if d%2 == 0 {
		w.edit(laptop, d, edits[laptop.Name])
	}
	unfinished(w.t, laptop)
	laptop.Must("start")
	skewClock(w.t, laptop, time.Duration(d)*day)
	if d%2 == 1 {
		w.noticed(laptop, func() { w.edit(laptop, d, edits[laptop.Name]) })
	}
	for _, n := range []node{agent, laptop} {
		n.AwaitStatus("it has noticed all", func(s api.Status) bool {
			bytes := int64(0)
			for _, text := range contentsOf(w.t, n) {
				bytes += int64(len(text))
			}
			return s.Folders[0].Bytes == bytes && s.Folders[0].State == api.FolderIdle
		})
	}
}

// edits are what each writes on a day, "" for what it deletes: all on the last day,
// and most of it on the others.
func (w *week) edits(d int) map[string]map[string]string {
	out := map[string]map[string]string{}
	for side, device := range []string{"agent", "laptop"} {
		texts := map[string]string{}
		for i, name := range append(slices.Clone(editedByBoth), editedByOne[side]) {
			if (d+i+side)%3 > 0 || d == 7 {
				texts[name] = fmt.Sprintf("%s of %s, day %d%s", name, device, d, strings.Repeat(".", 10*d+side))
			}
		}
		out[device] = texts
	}
	switch d {
	case 2:
		out["agent"]["deleted early.md"] = ""
		out["laptop"]["deleted late.md"] = "edited on day 2, and deleted later by the agent"
	case 5:
		out["agent"]["deleted late.md"] = ""
		out["laptop"]["deleted early.md"] = "edited on day 5, when the agent had deleted it"
	}
	return out
}

// edit writes files at a day's time. Of each the agent's or the laptop's is the later
// one, in turns.
func (w *week) edit(n node, d int, texts map[string]string) {
	w.t.Helper()
	if w.last[n.Name] == nil {
		w.last[n.Name] = map[string]string{}
	}
	for name, text := range texts {
		w.last[n.Name][name] = text
		file := n.Path("shared", filepath.FromSlash(name))
		if text == "" {
			if err := os.Remove(file); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		at := time.Now().Add(time.Duration(d) * day)
		if w.wins(name) != n.Name {
			at = at.Add(-time.Hour)
		}
		temp := filepath.Join(filepath.Dir(n.Root), "being written")
		for _, err := range []error{os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(temp, []byte(text), 0o644), os.Chtimes(temp, at, at), os.Rename(temp, file)} {
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// wins is who writes a file last.
func (w *week) wins(name string) string {
	return []string{"agent", "laptop"}[slices.Index(editedByBoth, name)&1]
}

// noticed does something and waits until a daemon has noticed the last of it.
func (w *week) noticed(n node, do func()) {
	w.t.Helper()
	changes := func() int { return len(changesOf(w.t, n)) }
	before := changes()
	do()
	botsynctest.Await(w.t, n.Name+" notices", func() bool { return changes() > before })
}

// check: of each file both have what each has written last.
func (w *week) check(n node) {
	w.t.Helper()
	there := contentsOf(w.t, n)
	var listed api.Conflicts
	if err := json.Unmarshal([]byte(n.Must("conflicts", "--json").Stdout), &listed); err != nil {
		w.t.Fatal(err)
	}
	names := map[string]api.Conflict{}
	for _, c := range listed.Conflicts {
		names[strings.TrimPrefix(c.Path, "shared/")] = c
	}
	for _, name := range editedByBoth {
		c, winner := names[name], w.wins(name)
		if got := there[name]; got != w.last[winner][name] {
			w.t.Errorf("%s: %s is %q, want the %s's", n.Name, name, got, winner)
		}
		if len(c.Versions) != 2 || !c.Versions[0].Current || c.Versions[0].Device.Name != winner || c.Versions[1].Device.Name == winner || c.Doubt != "" {
			w.t.Errorf("%s lists of %s: %+v", n.Name, name, c)
			continue
		}
		loser := c.Versions[1]
		if got := there[strings.TrimPrefix(loser.Path, "shared/")]; got != w.last[loser.Device.Name][name] {
			w.t.Errorf("%s: %s is %q, want the %s's", n.Name, loser.Path, got, loser.Device.Name)
		}
		if after := c.Versions[0].Modified.Sub(loser.Modified); after < time.Hour/2 || after > 2*time.Hour {
			w.t.Errorf("%s: the versions of %s are %v apart", n.Name, name, after)
		}
	}
	for i, name := range editedByOne {
		if got, want := there[name], w.last[[]string{"agent", "laptop"}[i]][name]; got != want || names[name].Path != "" {
			w.t.Errorf("%s: %s is %q, want %q, without a conflict: %+v", n.Name, name, got, want, names[name])
		}
	}
	if got := there["deleted early.md"]; got != w.last["laptop"]["deleted early.md"] {
		w.t.Errorf("%s: what was edited after it was deleted is %q", n.Name, got)
	}
	late := names["deleted late.md"]
	if _, ok := there["deleted late.md"]; ok || len(late.Versions) != 2 || !late.Versions[0].Deleted ||
		there[strings.TrimPrefix(late.Versions[1].Path, "shared/")] != w.last["laptop"]["deleted late.md"] {
		w.t.Errorf("%s: of what was deleted after it was edited there is %+v", n.Name, late)
	}
	if len(names) != len(editedByBoth)+1 {
		w.t.Errorf("%s lists %d conflicts: %+v", n.Name, len(names), listed.Conflicts)
	}
}

// changesOf are the changes that a daemon has noticed on its device.
func changesOf(t *testing.T, n node) (out []api.Event) {
	t.Helper()
	for line := range strings.Lines(n.Must("events", "--since", "0", "--no-follow", "--json").Stdout) {
		if e := decode[api.Event](t, line); e.Type == api.EventFileChanged {
			out = append(out, e)
		}
	}
	return out
}

// contentsOf is what is in shared/, by name.
func contentsOf(t *testing.T, n node) map[string]string {
	t.Helper()
	out := map[string]string{}
	dir := n.Path("shared")
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || filepath.Base(filepath.Dir(p)) == ".stfolder" || isTemporary(e.Name()) {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		data, err := os.ReadFile(p)
		out[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// contentsBelow is what is in all files below a directory.
func contentsBelow(t *testing.T, dir string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	_ = filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if data, err := os.ReadFile(p); err == nil {
				out[string(data)] = true
			}
		}
		return nil
	})
	return out
}

// unfinished leaves among the versions what a kill could have left just now: a look
// through the history removes it if its clock is ahead by more than an hour, and not
// otherwise.
func unfinished(t *testing.T, n node) {
	t.Helper()
	if len(unfinishedIn(n)) > 0 {
		return
	}
	if err := os.WriteFile(n.Path(".botsync", "versions", atomicfile.TempPrefix+"left"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func unfinishedIn(n node) []string {
	left, _ := filepath.Glob(n.Path(".botsync", "versions", atomicfile.TempPrefix+"left"))
	return left
}
