//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// writeMany writes n files, each with contents of its own, into directories of
// fifty below dir.
func writeMany(n *botsynctest.Node, dir string, count int) {
	for i := range count {
		n.Write(manyName(dir, i), manyContent(dir, i))
	}
}

func manyName(dir string, i int) string    { return fmt.Sprintf("%s/%d/%d.md", dir, i/50, i) }
func manyContent(dir string, i int) string { return fmt.Sprintf("%s, number %d\n", dir, i) }

// countFiles counts the files below a directory that have contents.
func countFiles(t *testing.T, dir string) int {
	t.Helper()
	count := 0
	must(t, filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Name() == ".stfolder" {
			return filepath.SkipDir
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil // it was removed meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if info, err := e.Info(); err == nil && info.Size() > 0 {
			count++
		}
		return nil
	}))
	return count
}

// awaitHeld waits until a folder is held with so many files.
func awaitHeld(n *botsynctest.Node, folder string, files int) api.Held {
	n.TB.Helper()
	st := n.AwaitStatus(fmt.Sprintf("%d files of %s are held", files, folder), func(st api.Status) bool {
		f := folderOf(st, folder)
		return f.State == api.FolderHeld && f.Held != nil && f.Held.Files == files
	})
	return *folderOf(st, folder).Held
}

func awaitFree(n *botsynctest.Node, folder string) {
	n.TB.Helper()
	n.AwaitStatus(folder+" is held no more", func(st api.Status) bool {
		f := folderOf(st, folder)
		return f.State == api.FolderIdle && f.Held == nil && f.NeedFiles == 0 && f.Conflicts == 0
	})
}

// brakeEvents are those about folders that are held, in their order.
func brakeEvents(t *testing.T, n *botsynctest.Node) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(n.Must("events", "--since", "0", "--no-follow", "--json").Stdout) {
		var e api.Event
		must(t, json.Unmarshal([]byte(line), &e))
		if e.IsBrake() {
			out = append(out, strings.TrimSpace(fmt.Sprint(e.Type, " ", e.Folder, " ", e.Files, " ", e.Action)))
		}
	}
	return out
}

// out is where a directory goes in one step, so that all of it vanishes at once.
func out(n *botsynctest.Node, name string) string {
	return filepath.Join(filepath.Dir(n.Root), n.Name+"-"+strings.ReplaceAll(name, "/", "-"))
}

func TestTheBrake(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	writeMany(agent, "shared/lost", 200)
	writeMany(agent, "shared/kept", 100)
	writeMany(agent, "inbox/many", 1000)
	awaitSame(t, agent, laptop)

	t.Log("200 of 300 files go: held, and nobody is told")
	must(t, os.Rename(agent.Path("shared/lost"), out(agent, "lost")))
	h := awaitHeld(agent, "shared", 200)
	if h.Of != 300 || h.Emptied != 0 || h.Told != 0 || len(h.Names) != 5 || h.Names[0] != "shared/lost/0/0.md" || time.Since(h.Since) > time.Minute {
		t.Errorf("%+v", h)
	}
	st := agent.Status()
	if len(st.Problems) != 1 || st.Problems[0].Code != api.CodeHeld || !strings.Contains(st.Problems[0].Message, "200 of 300 files in shared were deleted on this device") ||
		!strings.Contains(st.Problems[0].Hint, "botsync resume shared --undo") {
		t.Errorf("%+v", st.Problems)
	}
	if r := agent.Run("status", "--check"); r.Exit != api.ExitTrouble {
		t.Errorf("status --check ends with %d", r.Exit)
	}
	if r := agent.Run("wait", "--synced", "--json"); r.Exit != api.ExitState || r.Error(t).Code != api.CodeHeld {
		t.Errorf("wait --synced: %+v", r)
	}
	if r := laptop.Run("wait", "--synced"); r.Exit != 0 {
		t.Errorf("the peer waits: %+v", r)
	}

	t.Log("all else goes on, both ways, and one deletion more is held as well")
	agent.Write("shared/new here", "1")
	laptop.AwaitFile("shared/new here", "1")
	laptop.Write("shared/new there", "2")
	agent.AwaitFile("shared/new there", "2")
	must(t, os.Remove(agent.Path("shared/kept/0/0.md")))
	awaitHeld(agent, "shared", 201)
	laptop.Write("shared/lost/0/7.md", "edited by a peer")
	agent.AwaitFile("shared/lost/0/7.md", "edited by a peer")
	awaitHeld(agent, "shared", 200)

	t.Log("a kill does not change that")
	agent.Kill()
	if r := agent.Run("status", "--json"); r.Exit != api.ExitNotRunning || !strings.Contains(r.Stdout, `"problems":[{"code":"held"`) {
		t.Errorf("status without a daemon: %+v", r)
	}
	if r := agent.Run("doctor"); r.Exit != api.ExitTrouble || !strings.Contains(r.Stdout, "200 files went away on this device; that is held") {
		t.Errorf("doctor without a daemon: %+v", r)
	}
	agent.Must("start")
	awaitHeld(agent, "shared", 200)
	if r := agent.Run("doctor"); r.Exit != api.ExitTrouble || !strings.Contains(r.Stdout, "200 files went away on this device; that is held") {
		t.Errorf("doctor: %+v", r)
	}
	agent.Write("shared/after the kill", "3")
	laptop.AwaitFile("shared/after the kill", "3")
	if n := countFiles(t, laptop.Path("shared/lost")); n != 200 {
		t.Fatalf("the peer has %d of 200 files", n)
	}

	t.Log("undo brings them back")
	r := agent.Must("resume", "--json")
	if !strings.Contains(r.Stdout, `"type":"held","folders":[{"name":"shared"`) || !strings.Contains(r.Stdout, `"files":200`) {
		t.Error(r.Stdout)
	}
	if r := agent.Must("resume", "--undo", "--json"); !strings.Contains(r.Stdout, `"action":"undone"`) || strings.Contains(r.Stdout, `"lost"`) || strings.Contains(r.Stdout, `"missing"`) {
		t.Error(r.Stdout)
	}
	if n := countFiles(t, agent.Path("shared")); n != 303 {
		t.Errorf("%d files are back", n)
	}
	awaitFree(agent, "shared")
	awaitSame(t, agent, laptop)
	for i := range 200 {
		if got, err := os.ReadFile(agent.Path(manyName("shared/lost", i))); i != 7 && (err != nil || string(got) != manyContent("shared/lost", i)) {
			t.Fatalf("%d: %q, %v", i, got, err)
		}
	}

	t.Log("what vanished while the daemon was stopped is held, and accepted")
	agent.Must("stop")
	must(t, os.RemoveAll(agent.Path("shared/lost")))
	agent.Must("start")
	awaitHeld(agent, "shared", 200)
	agent.Must("resume", "shared", "--accept")
	awaitFree(agent, "shared")
	awaitSame(t, agent, laptop)
	if _, err := os.Lstat(laptop.Path("shared/lost")); !os.IsNotExist(err) {
		t.Errorf("what was accepted is still there: %v", err)
	}
	want := []string{"held shared 200", "resumed shared 200 undone", "held shared 200", "resumed shared 200 accepted"}
	if got := brakeEvents(t, agent); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %q", got)
	}

	t.Log("files that are overwritten with nothing")
	for i := range 100 {
		path := filepath.Join(out(agent, "empty"), strings.TrimPrefix(manyName("shared/kept", i), "shared/kept"))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644))
	}
	must(t, os.Rename(agent.Path("shared/kept"), out(agent, "kept")), os.Rename(out(agent, "empty"), agent.Path("shared/kept")))
	if h := awaitHeld(agent, "shared", 100); h.Emptied != 100 {
		t.Errorf("%+v", h)
	}
	if n := countFiles(t, laptop.Path("shared/kept")); n != 100 {
		t.Fatalf("the peer has %d of 100 files", n)
	}
	laptop.Write("shared/kept/1/60.md", "edited by a peer")
	agent.AwaitFile("shared/kept/1/60.md", "edited by a peer")
	agent.Must("resume", "shared", "--undo")
	awaitFree(agent, "shared")
	awaitSame(t, agent, laptop)
	if n := countFiles(t, agent.Path("shared/kept")); n != 100 {
		t.Errorf("%d files have their contents back", n)
	}

	t.Log("51 of 1,000 pass at once")
	for i := range 51 {
		must(t, os.Remove(agent.Path(manyName("inbox/many", i))))
	}
	awaitSame(t, agent, laptop)

	t.Log("what is moved passes")
	must(t, os.Rename(agent.Path("shared/kept"), agent.Path("deliverables/moved")))
	awaitSame(t, agent, laptop)
	must(t, os.Rename(agent.Path("deliverables/moved"), agent.Path("deliverables/again")))
	awaitSame(t, agent, laptop)
	if n := countFiles(t, laptop.Path("deliverables/again")); n != 100 {
		t.Errorf("%d of 100 files were moved", n)
	}

	t.Log("an empty directory in place of the folder")
	must(t, os.Rename(agent.Path("deliverables"), out(agent, "deliverables")), os.Mkdir(agent.Path("deliverables"), 0o755))
	st = agent.AwaitStatus("deliverables is stopped", func(st api.Status) bool { return folderOf(st, "deliverables").State == api.FolderError })
	if len(st.Problems) != 1 || !strings.Contains(st.Problems[0].Message, "another directory is in its place") || !strings.Contains(st.Problems[0].Hint, "resume deliverables --undo") {
		t.Errorf("%+v", st.Problems)
	}
	must(t, os.Mkdir(agent.Path("deliverables/.stfolder"), 0o755)) // somebody wants to mend it
	awaitHeld(agent, "deliverables", 100)
	if n := countFiles(t, laptop.Path("deliverables")); n != 100 {
		t.Fatalf("the peer has %d of 100 files", n)
	}
	must(t, os.RemoveAll(agent.Path("deliverables")), os.Rename(out(agent, "deliverables"), agent.Path("deliverables")))
	awaitFree(agent, "deliverables") // by itself
	must(t, os.RemoveAll(agent.Path("deliverables")))
	agent.AwaitStatus("deliverables is stopped", func(st api.Status) bool { return folderOf(st, "deliverables").State == api.FolderError })
	agent.Must("resume", "deliverables", "--undo")
	awaitFree(agent, "deliverables")
	awaitSame(t, agent, laptop)
	if n := countFiles(t, agent.Path("deliverables")); n != 100 {
		t.Errorf("%d of 100 files are back", n)
	}
}

// A burst that takes its time is held as well. Of a part that leaves before that
// it is told how large it was, and it is never more than the limits; as a rule it
// is nothing, unless rm had to wait for a processor.
func TestBurstsAreHeld(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	writeMany(agent, "shared/lost", 250)
	writeMany(agent, "shared/kept", 50)
	awaitSame(t, agent, laptop)

	agent.Must("notify", "exec", "--", "sh", "-c", "cat >>"+agent.Path("batches"))
	agent.Write("shared/lost/only here", "nobody else has had time to get this")
	must(t, exec.Command("rm", "-rf", agent.Path("shared/lost")).Run())
	st := agent.AwaitStatus("it is held", func(st api.Status) bool { return folderOf(st, "shared").State == api.FolderHeld })
	h := folderOf(st, "shared").Held
	if there := countFiles(t, laptop.Path("shared/lost")); h.Files+h.Told < 250 || h.Told > 99 || there < 250-h.Told {
		t.Errorf("%+v; the peer has %d files", h, there)
	}

	notified := func(action string) {
		botsynctest.Await(t, "a notification: "+action, func() bool {
			batches, err := os.ReadFile(agent.Path("batches"))
			return err == nil && strings.Contains(string(batches), fmt.Sprintf(`"holds":[{"folder":"shared","action":"%s"`, action))
		})
	}
	notified("held")

	t.Log("nothing is done twice when it is decided twice")
	agent.Must("resume", "--accept")
	notified("accepted")
	awaitSame(t, agent, laptop)
	if r := agent.Must("resume", "--undo"); !strings.Contains(r.Stderr, "Nothing is held") {
		t.Error(r.Stderr)
	}
}

// What no other device has cannot be brought back, and is named.
func TestWhatNobodyHas(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	writeMany(agent, "shared/here", 30)
	awaitSame(t, agent, laptop)
	agent.Must("wait", "--synced", "--timeout", "60s") // or it does not know that the peer has them
	laptop.Must("stop")
	agent.AwaitStatus("the peer is gone", func(st api.Status) bool { return !st.Peers[0].Connected })
	writeMany(agent, "shared/only", 60)
	agent.Write("shared/only/0/3.sync-conflict-20260101-000000-AAAAAAA.md", "another version")
	agent.AwaitStatus("all are noticed", func(st api.Status) bool { return folderOf(st, "shared").Files == 91 })
	must(t, os.Rename(agent.Path("shared/only"), out(agent, "only")), os.Rename(agent.Path("shared/here"), out(agent, "here")))
	awaitHeld(agent, "shared", 91)

	t.Log("a conflict among what is held cannot be resolved, and all of it is held as before")
	c := agent.Run("conflicts", "keep", "newest", agent.Path("shared/only/0/3.md"), "--json")
	if !strings.Contains(c.Stdout+c.Stderr, "is being changed") && !strings.Contains(c.Stdout+c.Stderr, "no such file") {
		t.Errorf("%+v", c)
	}
	awaitHeld(agent, "shared", 91)
	r := agent.Must("resume", "--undo")
	if got := strings.Count(r.Stdout, "lost shared/only/"); got != 61 || !strings.Contains(r.Stderr, "61 files of shared/ cannot be brought back") {
		t.Errorf("%d are named\n%s", got, r.Stderr)
	}
	laptop.Must("start")
	awaitFree(agent, "shared")
	awaitSame(t, agent, laptop)
	if n := countFiles(t, agent.Path("shared")); n != 30 {
		t.Errorf("%d of 30 files are back", n)
	}
}
