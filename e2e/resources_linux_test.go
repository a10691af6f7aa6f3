package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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
	got = nil
	for _, f := range laptop.AwaitCheck("files", "shared", api.CheckFail,
		"3 files cannot be synced, the first: shared/made/unreadable.md: this user may not read or write it (permission_denied), others: read_only.",
		"Give the user that botsync runs as the right; it tries again by itself. Mount it writable; botsync tries again by itself.").Failed {
		got = append(got, f.Path+" "+f.Code+" "+f.Hint)
	}
	if len(got) != 3 || got[1] != "shared/readonly/b.md read_only Mount it writable; botsync tries again by itself." {
		t.Errorf("doctor names %q", got)
	}

	unmount()
	must(t, os.Chown(laptop.Path("shared/theirs"), 0, 0), os.Chmod(laptop.Path("shared/made/unreadable.md"), 0o600))
	laptop.AwaitFile("shared/theirs/a.md", "a")
	laptop.AwaitFile("shared/readonly/b.md", "b")
	agent.AwaitFile("shared/made/unreadable.md", "x")
	laptop.AwaitStatus("nothing is wrong", func(s api.Status) bool {
		return len(s.Problems) == 0 && folderOf(s, "shared").FailedTotal == 0
	})
	laptop.AwaitCheck("files", "shared", api.CheckOK, "No file is in the way.", "")
}

// When no file is received any more for lack of room, status says so, and what is
// made, changed and deleted here still gets to the others. With room again what was
// not received comes by itself.
func TestAFullDiskStillSends(t *testing.T) {
	t.Parallel()
	const size = 88 << 20
	dir := botsynctest.TempDir(t)
	if err := syscall.Mount("botsync-test", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		needs.Skip(t, "this test needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Root = filepath.Join(dir, "sync")
	laptop.Join(agent.Init().Code)
	for _, name := range []string{"shared/edited.md", "shared/deleted.md"} {
		agent.Write(name, "before")
		laptop.AwaitFile(name, "before")
	}
	agent.Must("wait", "--synced", "--timeout", "60s")

	// Less than what receiving leaves, 8 MiB on such a disk, and more than half of it.
	var disk syscall.Statfs_t
	must(t, syscall.Statfs(dir, &disk))
	free := int(disk.Bavail) * int(disk.Bsize)
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, free-13<<19), 0o600))

	agent.Write("shared/small.md", "it is not received")
	agent.Write("shared/edited.md", "nor is this")
	stopped := func(s api.Status) bool {
		f := folderOf(s, "shared")
		return len(s.Problems) == 1 && s.Problems[0].Code == "disk_full" && strings.Contains(s.Problems[0].Message, "no files are received until") &&
			f.NeedFiles == 2 && f.FailedTotal == 2 && f.Failed[0].Code == "no_space" && f.Failed[1].Code == "no_space"
	}
	laptop.AwaitStatus("it says that it has no room", stopped)
	if r := laptop.Run("status", "--check"); r.Exit != api.ExitTrouble {
		t.Errorf("status --check ends with %d", r.Exit)
	}

	laptop.Write("shared/new.md", "made here")
	laptop.Write("inbox/task.md", "made here too")
	must(t, os.Remove(laptop.Path("shared/deleted.md")))
	agent.AwaitFile("shared/new.md", "made here")
	agent.AwaitFile("inbox/task.md", "made here too")
	botsynctest.Await(t, "a deletion arrives", func() bool { return !exists(agent, "shared/deleted.md") })
	laptop.Write("shared/new.md", "and changed here")
	agent.AwaitFile("shared/new.md", "and changed here")
	if s := laptop.Status(); !stopped(s) || exists(laptop, "shared/small.md") {
		t.Errorf("it has received something, or does not say that it does not: %+v", s)
	}
	if got, err := os.ReadFile(laptop.Path("shared/edited.md")); err != nil || string(got) != "before" {
		t.Errorf("what could not be replaced is %q, %v", got, err)
	}

	must(t, os.Remove(ballast))
	laptop.AwaitFile("shared/small.md", "it is not received")
	laptop.AwaitFile("shared/edited.md", "nor is this")
	awaitSame(t, agent, laptop)
	laptop.AwaitStatus("nothing is wrong", func(s api.Status) bool { return len(s.Problems) == 0 && folderOf(s, "shared").NeedFiles == 0 })
}
