//go:build unix

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func ignoresOf(t *testing.T, n *botsynctest.Node, args ...string) (out api.Ignores) {
	t.Helper()
	if err := json.Unmarshal([]byte(n.Must(append([]string{"ignores", "--json"}, args...)...).Stdout), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func exists(n *botsynctest.Node, path string) bool {
	_, err := os.Lstat(n.Path(path))
	return err == nil
}

// Secrets, repositories and caches stay where they are; one file says so for all
// devices, at once; and what is kept out is named and never deleted.
func TestIgnores(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	for _, name := range []string{".env", ".env.example", "proj/main.md", "proj/.git/config", "proj/node_modules/x/i.js", "notes.log", "data.tmp"} {
		agent.Write("shared/"+name, "of agent: "+name)
	}
	agent.Must("wait", "--synced")
	for name, want := range map[string]bool{".env.example": true, "proj/main.md": true, "notes.log": true, ".env": false, "proj/.git": false, "proj/node_modules": false} {
		if exists(laptop, "shared/"+name) != want {
			t.Errorf("laptop has %s: %v", name, !want)
		}
	}

	// Listed, explained and counted.
	list := ignoresOf(t, agent)
	var got []string
	for _, e := range list.Entries {
		got = append(got, e.Path+" "+e.Class)
	}
	if want := "shared/.env secret, shared/proj/.git version_control, shared/proj/node_modules dependencies"; strings.Join(got, ", ") != want || list.Total != 3 {
		t.Errorf("got %q, %d, want %q", got, list.Total, want)
	}
	if l := ignoresOf(t, agent, "--limit", "1"); len(l.Entries) != 1 || l.Total != 3 {
		t.Errorf("%+v", l)
	}
	if e := ignoresOf(t, agent, "shared/proj/.git/config").Explained; e == nil || !e.Ignored || e.Pattern != ".git" || e.From != "default" {
		t.Errorf("%+v", e)
	}
	for name, missing := range map[string]bool{"shared/notes.log": false, "shared/nope": true, "shared/nope/nope": true} {
		if e := ignoresOf(t, agent, name).Explained; e == nil || e.Ignored || e.Missing != missing {
			t.Errorf("%s: %+v", name, e)
		}
	}
	must(t, os.WriteFile(agent.Path("netrc"), []byte("password"), 0o600))
	if r := agent.Run("send", agent.Path("netrc"), "--name", ".netrc", "--wait", "--timeout", "20s"); r.Exit != api.ExitState || !strings.Contains(r.Stderr, "kept out by the pattern .netrc (default; secret") {
		t.Errorf("%d: %s", r.Exit, r.Stderr)
	}

	// One file for all, from either side, in effect without a restart: what is kept
	// out now stays on both disks, and no change of it travels.
	laptop.Write("shared/.botsyncignore", "*.log\n*.tmp\n!node_modules\n")
	for _, n := range []*botsynctest.Node{agent, laptop} {
		botsynctest.Await(t, "the patterns hold", func() bool {
			e := ignoresOf(t, n, "shared/notes.log").Explained
			return e.Ignored && e.From == "shared/.botsyncignore" && e.Line == 1
		})
	}
	laptop.AwaitFile("shared/proj/node_modules/x/i.js", "of agent: proj/node_modules/x/i.js")
	for n, want := range map[*botsynctest.Node]int{agent: 4, laptop: 2} { // the repository and the secret never left agent
		var got []api.Event
		botsynctest.Await(t, n.Name+" tells that other patterns hold", func() bool {
			got = ignoresChanged(t, n)
			return len(got) > 0
		})
		var listed []string
		for _, e := range ignoresOf(t, n).Entries {
			if strings.HasPrefix(e.Path, "shared/") { // what was sent is in another folder
				listed = append(listed, e.Path)
			}
		}
		if len(got) != 1 || got[0].Folder != "shared" || got[0].Files != want || len(listed) != want {
			t.Errorf("%s tells %+v and lists %q; want %d", n.Name, got, listed, want)
		}
		// On laptop node_modules may have come by then.
		if before := got[0].Before; n == agent && before != 3 || n == laptop && before > 1 {
			t.Errorf("%s tells that %d were kept out", n.Name, before)
		}
	}
	agent.Write("shared/notes.log", "changed by agent")
	agent.Write("shared/other.log", "new")
	laptop.Write("shared/notes.log", "changed by laptop")
	agent.Must("wait", "--synced")
	laptop.Must("wait", "--synced")
	laptop.AwaitFile("shared/notes.log", "changed by laptop")
	agent.AwaitFile("shared/notes.log", "changed by agent")
	if exists(laptop, "shared/other.log") {
		t.Error("a file that is kept out travels")
	}

	// A line that cannot be used is named on all devices, and changes nothing.
	agent.Write("shared/.botsyncignore", "#include ../../identity/key.pem\n")
	for _, n := range []*botsynctest.Node{agent, laptop} {
		n.AwaitStatus("the line is named", func(s api.Status) bool {
			for _, p := range s.Problems {
				if p.Code == "ignores_invalid" && strings.HasPrefix(p.Message, "shared/.botsyncignore, line 1: ") {
					return true
				}
			}
			return false
		})
	}
	laptop.Must("stop")
	laptop.Must("start")
	if e := ignoresOf(t, laptop, "shared/notes.log").Explained; !e.Ignored {
		t.Error("the last patterns do not hold after a restart")
	}

	// A peer deletes a directory: a cache goes with it, a repository stays, with its
	// directory, and nobody waits for it.
	agent.Write("shared/.botsyncignore", "")
	laptop.AwaitFile("shared/.botsyncignore", "")
	botsynctest.Await(t, "the defaults hold", func() bool { return ignoresOf(t, laptop, "shared/proj/node_modules").Explained.Ignored })
	laptop.Write("shared/proj/.git/config", "of laptop")
	laptop.Write("shared/proj/sub/__pycache__/a.pyc", "cache")
	laptop.Write("shared/proj/sub/b.py", "")
	laptop.Must("wait", "--synced")
	must(t, os.RemoveAll(agent.Path("shared/proj")))
	agent.Must("wait", "--synced", "--timeout", "60s")
	laptop.Must("wait", "--synced", "--timeout", "60s")
	var left []string
	must(t, filepath.WalkDir(laptop.Path("shared/proj"), func(p string, d os.DirEntry, err error) error {
		left = append(left, filepath.Base(p))
		return err
	}))
	if strings.Join(left, " ") != "proj .git config" {
		t.Errorf("left: %q", left)
	}
	s := laptop.Status()
	if f := folderOf(s, "shared"); len(f.Kept) != 1 || f.KeptTotal != 1 || f.Kept[0].Path != "shared/proj" || f.Kept[0].Holds != "shared/proj/.git" || f.Kept[0].Class != "version_control" {
		t.Errorf("%+v", f)
	}
	if len(s.Problems) > 0 {
		t.Errorf("%+v", s.Problems)
	}
	if !strings.Contains(laptop.Must("status").Stdout, "shared/proj was deleted by a peer and stays here: it holds shared/proj/.git") {
		t.Error("status does not say what is kept")
	}
	// It is a directory like any other again once there is something in it.
	laptop.Write("shared/proj/new.md", "hello")
	agent.AwaitFile("shared/proj/new.md", "hello")
	if exists(agent, "shared/proj/.git") {
		t.Error("the repository travels")
	}
	// The count catches up.
	agent.AwaitStatus("what is kept out is counted", func(s api.Status) bool {
		f := folderOf(s, "shared")
		return f.Ignored == 1 && f.IgnoredAt != nil
	})
}

// Whatever a peer writes into the shared file, no secret leaves and nothing gets into
// a repository, until the own file of each device says so.
func TestIgnoresNoPeerLifts(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	agent.Write("shared/.env", "secret")
	agent.Write("shared/repo/.git/config", "of agent")
	agent.Write("shared/repo/a.md", "")
	laptop.AwaitFile("shared/repo/a.md", "")
	laptop.Write("shared/repo/.git/hooks/post-checkout", "of laptop")
	laptop.Write("shared/.botsyncignore", "!*\n!.env\n!.git\n!/repo/.git/**\n")
	both := []*botsynctest.Node{agent, laptop}
	refused := func(s api.Status) bool {
		for _, p := range s.Problems {
			if p.Code == "ignores_refused" {
				return strings.HasPrefix(p.Message, "shared/.botsyncignore, line ") && strings.Contains(p.Hint, "shared/.stignore")
			}
		}
		return false
	}
	for _, n := range both {
		n.AwaitStatus("the lines are refused", refused)
	}
	if p := ignoresOf(t, agent).Problems; len(p) != 1 || !strings.Contains(p[0].Message, "line 1: !* admits no secrets and no version control here, nor do 3 other lines") {
		t.Errorf("%+v", p)
	}
	stays := func(when string) {
		t.Helper()
		// What comes after has arrived, so what came before would have.
		for i, n := range both {
			name := "shared/" + strings.ReplaceAll(when, " ", "-") + "-" + n.Name
			n.Write("shared/repo/.git/new", n.Name)
			n.Write(name, "")
			both[1-i].AwaitFile(name, "")
		}
		for _, n := range both {
			n.Must("wait", "--synced", "--timeout", "60s")
		}
		if exists(laptop, "shared/.env") || exists(laptop, "shared/repo/.git/config") || exists(agent, "shared/repo/.git/hooks") {
			t.Errorf("%s: what is kept out travels", when)
		}
		for _, n := range both {
			n.AwaitFile("shared/repo/.git/new", n.Name)
		}
	}
	stays("neither admits it")
	// The peer alone sends it, and offers it: nothing is written here.
	laptop.Write("shared/.stignore", "!.git\n!.env\n!*\n")
	botsynctest.Await(t, "laptop admits it", func() bool { return !ignoresOf(t, laptop, "shared/repo/.git/config").Explained.Ignored })
	stays("one admits it")

	must(t, os.Remove(laptop.Path("shared/repo/.git/new")))
	agent.Write("shared/.stignore", "!.git\n")
	laptop.AwaitFile("shared/repo/.git/config", "of agent")
	agent.AwaitFile("shared/repo/.git/hooks/post-checkout", "of laptop")
	if exists(laptop, "shared/.env") {
		t.Error("a secret travels that is not named")
	}
}

// A directory that a peer deleted, and that holds here what only the peer keeps out,
// keeps wait from ending: it is named on both sides, until somebody moves that out.
func TestWaitNamesWhatAPeerKeepsOut(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	laptop.Write("shared/dir/a.md", "")
	agent.AwaitFile("shared/dir/a.md", "")
	agent.Must("wait", "--synced", "--timeout", "60s")
	agent.Write("shared/.stignore", "*.own\n")
	botsynctest.Await(t, "the pattern holds", func() bool { return ignoresOf(t, agent, "shared/dir/b.own").Explained.Ignored })
	laptop.Write("shared/dir/b.own", "of laptop")
	must(t, os.RemoveAll(agent.Path("shared/dir")))
	laptop.AwaitStatus("the directory is named", func(s api.Status) bool {
		f := folderOf(s, "shared")
		return len(f.Failed) == 1 && f.Failed[0].Path == "shared/dir" && f.Failed[0].Code == api.FailedNotEmpty
	})
	if r := laptop.Run("wait", "--synced", "--timeout", "2s"); r.Exit != api.ExitTimeout || !strings.Contains(r.Stderr, "shared/dir: peers deleted this directory") {
		t.Errorf("%d: %s", r.Exit, r.Stderr)
	}
	must(t, os.Rename(laptop.Path("shared/dir/b.own"), laptop.Path("b.own")))
	laptop.Must("wait", "--synced", "--timeout", "30s")
}

// ignoresChanged are the events of other patterns on a device.
func ignoresChanged(t *testing.T, n *botsynctest.Node) (out []api.Event) {
	t.Helper()
	for line := range strings.Lines(n.Must("events", "--since", "0", "--no-follow", "--json").Stdout) {
		var e api.Event
		must(t, json.Unmarshal([]byte(line), &e))
		if e.Type == api.EventIgnoresChanged {
			out = append(out, e)
		}
	}
	return out
}
