//go:build unix

package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A directory that became a file, and a file that became a directory, are deleted
// on the other side too if that has not heard of what they were in between.
func TestWhatChangedItsKindIsDeleted(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	dir, link, file := agent.Path("shared", "dir"), agent.Path("shared", "dir to link"), agent.Path("shared", "file")
	must(t, os.Mkdir(dir, 0o755), os.Mkdir(link, 0o755), os.WriteFile(file, nil, 0o644))
	agent.Write("shared/dir/in", "x")
	awaitSame(t, agent, laptop)
	laptop.Must("stop")
	must(t, os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o644))
	must(t, os.Remove(link), os.Symlink("x", link))
	must(t, os.Remove(file), os.Mkdir(file, 0o755))
	agent.Write("shared/last", "x")
	var log string
	defer func() {
		if t.Failed() {
			t.Logf("the log was:\n%s", log)
		}
	}()
	botsynctest.Await(t, "all of it is noticed", func() bool {
		log = agent.Must("log", "--json", "--path", "shared").Stdout
		last := map[string]string{} // what happened last to each path
		for line := range strings.Lines(log) {
			var e api.Event
			must(t, json.Unmarshal([]byte(line), &e))
			last[e.Path] = e.Kind + " " + e.Action
		}
		return last["dir"] == "file new" && last["dir to link"] == "symlink new" && last["last"] == "file new"
	})
	must(t, os.Remove(dir), os.Remove(link), os.Remove(file))
	laptop.Must("start")
	awaitSame(t, agent, laptop)
}

// What a path can be.
const (
	kindNone   = "none"
	kindFile   = "file"
	kindDir    = "dir"
	kindLink   = "link"
	kindFilled = "filled" // a directory with more in it
)

// become makes something of a path, with contents that nothing else has, and returns
// these. What is of that kind already is changed.
func become(t *testing.T, p, kind, by string) (contents []string) {
	t.Helper()
	dir := kind == kindDir || kind == kindFilled
	if info, err := os.Lstat(p); err == nil && (!dir || !info.IsDir()) && (kind != kindFile || !info.Mode().IsRegular()) {
		must(t, os.RemoveAll(p))
	}
	data := by + " made a " + kind + " of " + filepath.Base(p)
	switch kind {
	case kindNone:
		return nil
	case kindLink:
		must(t, os.Symlink("to "+by, p))
		return nil
	case kindFile:
		must(t, os.WriteFile(p, []byte(data), 0o644))
	default:
		must(t, os.MkdirAll(filepath.Join(p, "deep"), 0o755), os.WriteFile(filepath.Join(p, "in"), []byte(data), 0o644))
	}
	if kind == kindFilled {
		contents = []string{data + " below"}
		must(t, os.WriteFile(filepath.Join(p, "deep", "by "+by), []byte(contents[0]), 0o644))
	}
	return append(contents, data)
}

// A path becomes something else on one device, while the other one changes it or
// makes something else of it, earlier or later: both end with the same, nobody waits
// for anything, and all that was written last is in the tree, in a conflict copy or
// in the history.
func TestKindsInConflict(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	kinds := []string{kindNone, kindFile, kindDir, kindLink, kindFilled}
	type path struct{ name, before, here, there string }
	var paths []path
	for _, order := range []string{"agent first", "laptop first"} {
		for _, before := range kinds[:4] {
			for _, here := range kinds {
				for _, there := range kinds {
					paths = append(paths, path{order + ", " + before + " to " + here + " and " + there, before, here, there})
				}
			}
		}
	}
	for _, p := range paths {
		become(t, agent.Path("shared", p.name), p.before, "both")
	}
	agent.Must("wait", "--synced", "--peer", laptop.Name)
	awaitSame(t, agent, laptop)
	laptop.Must("stop")
	agent.Must("stop")
	var owed []string
	change := func(n *botsynctest.Node, first string, kind func(path) string) {
		for _, p := range paths {
			if strings.HasPrefix(p.name, first) {
				owed = append(owed, become(t, n.Path("shared", p.name), kind(p), n.Name)...)
			}
		}
	}
	here, there := func(p path) string { return p.here }, func(p path) string { return p.there }
	change(agent, "agent", here)
	change(laptop, "laptop", there)
	change(agent, "laptop", here)
	change(laptop, "agent", there)
	agent.Must("start")
	laptop.Must("start")
	for _, n := range []*botsynctest.Node{agent, laptop} {
		n.AwaitStatus("nothing is lacking", func(s api.Status) bool {
			return len(s.Peers) == 1 && s.Peers[0].Connected && !slices.ContainsFunc(s.Folders, func(f api.Folder) bool {
				return f.NeedFiles > 0 || f.FailedTotal > 0 || f.State != api.FolderIdle
			})
		})
	}
	awaitSame(t, agent, laptop)
	kept := map[string]bool{}
	for _, n := range []*botsynctest.Node{agent, laptop} {
		n.Must("wait", "--synced")
		for _, dir := range []string{n.Path("shared"), n.Path(".botsync", "versions")} {
			must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return err
				}
				data, err := os.ReadFile(p)
				kept[string(data)] = true
				return err
			}))
		}
	}
	for _, content := range owed {
		if !kept[content] {
			t.Errorf("lost: %s", content)
		}
	}
}
