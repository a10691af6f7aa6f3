//go:build unix

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// A program that makes a directory and fills it, or renames one and goes on
// writing there, is faster than the system that watches: its files are noticed
// all the same, within seconds and not at the scan of the next hour.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	n := botsynctest.New(t, "agent")
	n.Init()
	release(n)
	write := func(elem ...string) {
		t.Helper()
		must(t, os.WriteFile(n.Path(append([]string{"shared"}, elem...)...), []byte("0123456789"), 0o644))
	}
	const rounds = 60
	for i := range rounds {
		dir := fmt.Sprintf("new %d", i)
		must(t, os.MkdirAll(n.Path("shared", dir, "deep", "er"), 0o755))
		write(dir, "deep", "er", "file")
		write(dir, "file")
	}
	n.AwaitStatus("new directories", files(2*rounds))
	for i := range rounds {
		from, to := n.Path("shared", fmt.Sprintf("new %d", i)), fmt.Sprintf("renamed %d", i)
		must(t, os.Rename(from, n.Path("shared", to)))
		write(to, "written after")
		write(to, "deep", "written after")
	}
	n.AwaitStatus("renamed directories", files(4*rounds))
	for i := range rounds {
		dir := fmt.Sprintf("renamed %d", i)
		must(t, os.RemoveAll(n.Path("shared", dir)), os.MkdirAll(n.Path("shared", filepath.Join(dir, "again")), 0o755))
		write(dir, "again", "file")
	}
	n.AwaitStatus("directories made anew", files(rounds))
}

func files(count int) func(api.Status) bool {
	return func(s api.Status) bool { return s.Folders[0].Files == count && s.Folders[0].Bytes == int64(10*count) }
}

// What a device receives and writes is no change that it made: it tells of none,
// nobody receives any from it, and it does not even look.
func TestWhatArrivesIsNoChange(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	agent.Must("wait", "--synced", "--peer", laptop.Name)
	var events sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	seen, quiet := map[string]int{}, make(chan struct{})
	events.Go(func() {
		err := follow(ctx, t, laptop, 0, func(e api.Event) error {
			if e.Folder == "shared" {
				seen[e.Type+" "+e.State]++
			}
			if e.Path == "last" {
				close(quiet)
			}
			return nil
		})
		if ctx.Err() == nil {
			t.Error(err)
		}
	})
	path := func(elem ...string) string { return agent.Path(append([]string{"shared"}, elem...)...) }
	for i := range 40 {
		dir := fmt.Sprint("dir", i%4)
		must(t, os.MkdirAll(path(dir), 0o755), os.WriteFile(path(dir, fmt.Sprint(i)), noise(1+i*1000), 0o644))
	}
	awaitSame(t, agent, laptop)
	must(t, os.Rename(path("dir0"), path("moved")), os.Rename(path("dir1", "1"), path("moved", "1")))
	must(t, os.WriteFile(path("dir1", "5"), noise(10), 0o644), os.Chmod(path("dir1", "9"), 0o600), os.Symlink("5", path("dir1", "link")))
	must(t, os.RemoveAll(path("dir2")), os.Remove(path("dir3", "3")), os.Mkdir(path("dir3", "3"), 0o755))
	awaitSame(t, agent, laptop)
	agent.Write("shared/last", "x")
	select {
	case <-quiet:
	case <-time.After(botsynctest.Patience):
		t.Error("the last file was not told")
	}
	stop()
	events.Wait()
	for what, times := range seen {
		if what == api.EventFileChanged+" " || what == api.EventFolderState+" "+api.FolderScanning {
			t.Errorf("%s told %d times: %s", laptop.Name, times, what)
		}
	}
	if seen[api.EventFileReceived+" "] < 40 || seen[api.EventFolderState+" "+api.FolderSyncing] == 0 {
		t.Errorf("%s told only: %v", laptop.Name, seen)
	}
	for line := range strings.Lines(agent.Must("log", "--json", "--path", "shared").Stdout) {
		if !strings.Contains(line, api.EventFileChanged) {
			t.Errorf("%s received: %s", agent.Name, line)
		}
	}
}

// However slowly a file is written, in a directory that was just made or over one
// that is there, who looks at the other side sees none of it or all of it. A log
// is seen as it grows.
func TestSlowWritersShowNoParts(t *testing.T) {
	t.Parallel()
	needs.Linux(t) // elsewhere the system does not tell when a file is closed
	agent, laptop := pair(t)
	const size, step = 4 << 20, 64 << 10
	before, after := noise(size/2), noise(size)
	must(t, os.WriteFile(agent.Path("shared", "old"), before, 0o644))
	awaitSame(t, agent, laptop)

	done := make(chan struct{})
	var actors sync.WaitGroup
	slowly := func(elem ...string) {
		f, err := os.Create(agent.Path(elem...))
		if err != nil {
			t.Error(err)
			return
		}
		for i := 0; i < size; i += step {
			_, err := f.Write(after[i : i+step])
			if err != nil {
				t.Error(err)
			}
			// What happens beside it makes for looks at all of the directory.
			_ = os.WriteFile(filepath.Join(filepath.Dir(f.Name()), fmt.Sprint("beside ", i)), nil, 0o644)
			time.Sleep(60 * time.Millisecond)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	must(t, os.MkdirAll(agent.Path("shared", "new"), 0o755))
	actors.Go(func() { slowly("shared", "new", "file") })
	actors.Go(func() { slowly("shared", "old") })
	logged := make(chan struct{})
	actors.Go(func() {
		f, err := os.OpenFile(agent.Path("shared", "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for {
			_, _ = f.WriteString("one more line\n")
			select {
			case <-logged:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			for _, name := range []string{"new/file", "old"} {
				got, err := os.ReadFile(laptop.Path("shared", name))
				if err == nil && !bytes.Equal(got, after) && !(name == "old" && bytes.Equal(got, before)) {
					t.Errorf("%s was seen with %d bytes", name, len(got))
					return
				}
			}
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	botsynctest.Await(t, "the log", func() bool {
		info, err := os.Stat(laptop.Path("shared", "log"))
		return err == nil && info.Size() > 0
	})
	close(logged)
	actors.Wait()
	awaitSame(t, agent, laptop)
	close(done)
	reader.Wait()
	got, err := os.ReadFile(laptop.Path("shared", "new", "file"))
	if must(t, err); !bytes.Equal(got, after) {
		t.Error("the file is another one")
	}
}
