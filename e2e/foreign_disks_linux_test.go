package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// foreignDisk is a disk as others than Linux format it.
type foreignDisk struct {
	format, mount string // programs
	options       string
	failed        string // what it cannot hold of foreignNames, and why
}

var foreignDisks = map[string]foreignDisk{
	"exFAT": {"mkfs.exfat", "mount.exfat-fuse", "noatime",
		"a:b.md name_reserved, dir? name_reserved, dir?/file name_reserved, link links_unsupported, report.md name_case, tab\there name_reserved"},
	"NTFS": {"mkntfs", "ntfs-3g", "windows_names",
		"CON name_reserved, a:b.md name_reserved, dir? name_reserved, dir?/file name_reserved, end. name_reserved, tab\there name_reserved"},
}

// mounted has a directory of the node on such a disk until the test ends. The disk can be
// taken out and put in again.
func (d foreignDisk) mounted(t *testing.T, n *botsynctest.Node, dir string) (out, in func()) {
	t.Helper()
	needs.Root(t)
	format, mount, losetup := needs.Tool(t, d.format), needs.Tool(t, d.mount), needs.Tool(t, "losetup")
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	must(t, err, f.Truncate(64<<20), f.Close(), os.MkdirAll(n.Path(dir), 0o755))
	run := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			needs.Skip(t, "this test needs disks of other formats: %s %q: %v: %s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if d.format == "mkntfs" {
		run(format, "-Q", "-F", image)
	} else {
		run(format, image)
	}
	loop := run(losetup, "--find", "--show", image)
	t.Cleanup(func() {
		botsynctest.Await(t, "the disk to be let go", func() bool { return exec.Command(losetup, "--detach", loop).Run() == nil })
	})
	here := false
	in = func() {
		run(mount, "-o", d.options, loop, n.Path(dir))
		here = true
	}
	out = func() {
		if here {
			botsynctest.Await(t, "umount", func() bool { return exec.Command("umount", n.Path(dir)).Run() == nil })
			here = false
		}
	}
	t.Cleanup(func() {
		n.Run("stop")
		out()
	})
	in()
	return out, in
}

// A folder on a disk of another format: what it can hold is synced, with no change made
// to it by the disk; what it cannot is named with the reason, and nothing takes the place
// of anything else.
func TestForeignDisks(t *testing.T) {
	t.Parallel()
	for name, disk := range foreignDisks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
			takeOut, putIn := disk.mounted(t, laptop, "shared")
			laptop.Join(agent.Init().Code)

			t.Log("what it can hold is as it was, on both sides")
			written := time.Date(2001, 2, 3, 4, 5, 7, 123456789, time.UTC)
			agent.Write("shared/run.sh", "echo 1")
			must(t, os.Chmod(agent.Path("shared/run.sh"), 0o750), os.Chtimes(agent.Path("shared/run.sh"), written, written))
			agent.Write("shared/Report.md", "the first")
			laptop.AwaitFile("shared/run.sh", "echo 1")
			laptop.AwaitFile("shared/Report.md", "the first")
			agent.Must("wait", "--synced", "--timeout", "60s")
			laptop.Must("stop")
			takeOut()
			laptop.Must("start")
			laptop.AwaitStatus("the disk is away", func(s api.Status) bool { return folderOf(s, "shared").State == api.FolderError })
			putIn()
			laptop.AwaitStatus("it looked at all", func(s api.Status) bool {
				return len(s.Peers) == 1 && s.Peers[0].Connected && folderOf(s, "shared").State == api.FolderIdle
			})
			agent.Must("wait", "--synced", "--timeout", "60s")
			asGiven := func() {
				t.Helper()
				info, err := os.Stat(agent.Path("shared/run.sh"))
				must(t, err)
				if info.Mode().Perm() != 0o750 || !info.ModTime().Equal(written) {
					t.Errorf("the other disk has made %v of %v of the file here", info.Mode(), info.ModTime())
				}
			}
			asGiven()

			t.Log("what it cannot is named")
			names := []string{"a:b.md", "dir?/file", "tab\there", "end.", "CON", "report.md"}
			for _, name := range names {
				agent.Write("shared/"+name, "content of "+name)
			}
			must(t, os.Symlink("run.sh", agent.Path("shared/link")))
			want := disk.failed
			count := strings.Count(want, ", ") + 1
			s := laptop.AwaitStatus("all are named", func(s api.Status) bool { return folderOf(s, "shared").FailedTotal == count })
			var got []string
			for _, f := range folderOf(s, "shared").Failed {
				got = append(got, strings.TrimPrefix(f.Path, "shared/")+" "+f.Code)
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if r := agent.Run("wait", "--synced", "--timeout", "1s"); r.Exit != api.ExitTimeout || !strings.Contains(r.Stderr, fmt.Sprintf("lacks %d files", count)) {
				t.Errorf("%+v", r)
			}
			agent.Write("shared/Report.md", "the first, edited")
			laptop.AwaitFile("shared/Report.md", "the first, edited")
			agent.AwaitFile("shared/report.md", "content of report.md")
			asGiven()

			t.Log("with other names it is in sync")
			for i, name := range names {
				must(t, os.Rename(agent.Path("shared", name), agent.Path("shared", fmt.Sprint("good ", i))))
			}
			must(t, os.Remove(agent.Path("shared/link")), os.Remove(agent.Path("shared/dir?")), os.Rename(agent.Path("shared/Report.md"), agent.Path("shared/REPORT.md")))
			laptop.Write("shared/of the laptop.md", "written there")
			must(t, os.WriteFile(laptop.Path("shared/run.sh"), []byte("echo 2"), 0o644))
			agent.AwaitFile("shared/of the laptop.md", "written there")
			agent.AwaitFile("shared/run.sh", "echo 2")
			if info, err := os.Stat(agent.Path("shared/run.sh")); err != nil || info.Mode().Perm() != 0o750 {
				t.Errorf("written there, it has the mode %v here, %v", info.Mode(), err)
			}
			third := botsynctest.New(t, "third")
			third.Join(agent.Invite().Code)
			third.AwaitFile("shared/run.sh", "echo 2")
			if info, err := os.Stat(third.Path("shared/run.sh")); err != nil || info.Mode().Perm() != 0o750 {
				t.Errorf("who came later has it with the mode %v, %v", info.Mode(), err)
			}
			for i, name := range names {
				laptop.AwaitFile(fmt.Sprint("shared/good ", i), "content of "+name)
			}
			botsynctest.Await(t, "the other name", func() bool { return slices.Contains(visible(t, laptop), "REPORT.md") })
			laptop.AwaitFile("shared/REPORT.md", "the first, edited")
			laptop.AwaitStatus("nothing is wrong", func(s api.Status) bool { return len(s.Problems) == 0 })
			for _, n := range []*botsynctest.Node{agent, laptop} {
				n.Must("wait", "--synced", "--timeout", "60s")
			}
			if a, l := visible(t, agent), visible(t, laptop); strings.Join(a, "\n") != strings.Join(l, "\n") {
				t.Errorf("agent has %q, laptop %q", a, l)
			}
			noConflicts(t, agent, laptop)
		})
	}
}

// visible are the names of what is in shared, in order.
func visible(t *testing.T, n *botsynctest.Node) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(n.Path("shared"))
	must(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
