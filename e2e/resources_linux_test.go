package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// What a device may not read, and what it cannot write, is named with its reason,
// and the rest syncs. It is tried again by itself.
func TestWhatCannotBeSyncedIsNamed(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	mount := needs.Tool(t, "mount")
	// In this namespace the daemon owns its files, and is not root: not even of
	// those that are root's.
	user := []string{needs.Tool(t, "unshare"), "--user", "--map-user=1000", "--"}
	if out, err := exec.Command(user[0], append(user[1:], "true")...).CombinedOutput(); err != nil {
		needs.Skip(t, "this test needs user namespaces: %v: %s", err, out)
	}
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	code := agent.Init().Code
	laptop.Wrap = user
	laptop.Join(code)
	laptop.Wrap = nil

	// Here: a file that nobody may read.
	laptop.Write("shared/closed.md", "secret")
	laptop.AwaitStatus("it is idle", func(s api.Status) bool { return folderOf(s, "shared").State == api.FolderIdle })
	laptop.Must("wait", "--synced")
	must(t, os.Mkdir(laptop.Path("made"), 0o700), os.WriteFile(laptop.Path("made/unreadable.md"), []byte("x"), 0),
		os.Rename(laptop.Path("made"), laptop.Path("shared/made")))
	// There: a directory of another user, and a disk that is mounted read-only.
	for _, dir := range []string{"theirs", "readonly"} {
		must(t, os.Mkdir(laptop.Path("shared", dir), 0o755))
	}
	botsynctest.Await(t, "the directories are there", func() bool { return exists(agent, "shared/theirs") && exists(agent, "shared/readonly") })
	must(t, os.Chown(laptop.Path("shared/theirs"), 12345, 12345))
	if out, err := exec.Command(mount, "-t", "tmpfs", "-o", "ro", "tmpfs", laptop.Path("shared/readonly")).CombinedOutput(); err != nil {
		needs.Skip(t, "this test needs the right to mount: %s", out)
	}
	mounted := true
	unmount := func() {
		if mounted {
			mounted = false
			botsynctest.Await(t, "umount", func() bool { return exec.Command("umount", laptop.Path("shared/readonly")).Run() == nil })
		}
	}
	t.Cleanup(unmount)
	agent.Write("shared/theirs/a.md", "a")
	agent.Write("shared/readonly/b.md", "b")
	agent.Write("shared/open.md", "the rest")

	laptop.AwaitFile("shared/open.md", "the rest")
	s := laptop.AwaitStatus("all three are named", func(s api.Status) bool { return folderOf(s, "shared").FailedTotal == 3 })
	var got []string
	for _, f := range folderOf(s, "shared").Failed {
		got = append(got, f.Path+" "+f.Code)
	}
	if want := "shared/made/unreadable.md permission_denied, shared/readonly/b.md read_only, shared/theirs/a.md permission_denied"; strings.Join(got, ", ") != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	found := false
	for _, p := range s.Problems {
		found = found || p.Code == "files_failed" && strings.HasPrefix(p.Message, "3 files in shared cannot be synced, the first: shared/made/unreadable.md: ")
	}
	if !found {
		t.Errorf("%+v", s.Problems)
	}

	unmount()
	must(t, os.Chown(laptop.Path("shared/theirs"), 0, 0), os.Chmod(laptop.Path("shared/made/unreadable.md"), 0o600))
	laptop.AwaitFile("shared/theirs/a.md", "a")
	laptop.AwaitFile("shared/readonly/b.md", "b")
	agent.AwaitFile("shared/made/unreadable.md", "x")
	laptop.AwaitStatus("nothing is wrong", func(s api.Status) bool {
		return len(s.Problems) == 0 && folderOf(s, "shared").FailedTotal == 0
	})
}
