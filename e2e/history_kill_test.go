package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// A daemon that is killed while it restores files leaves each of them whole or not
// there at all, and every version where it was: to run the command again does the
// rest.
func TestKilledWhileRestoring(t *testing.T) {
	t.Parallel()
	const count = 400
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	body := func(i int) string { return strings.Repeat(fmt.Sprintf("line of %d\n", i), 4000) }
	for i := range count {
		agent.Write(fmt.Sprintf("shared/d/%d", i), body(i))
	}
	agent.Must("wait", "--synced", "--timeout", "60s")
	before := treeOf(t, agent.Path("shared"))
	removeAll(t, agent, "shared")
	letThrough(t, agent, laptop, "shared")
	agent.Must("stop") // so that what is in place was put there by the restore

	there := func() int {
		names, err := filepath.Glob(laptop.Path("shared", "d", "[0-9]*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	for _, at := range []int{1, count / 4, count / 2} {
		restore := laptop.Command(context.Background(), "restore", "--deleted", "--timeout", "1s")
		if err := restore.Start(); err != nil {
			t.Fatal(err)
		}
		botsynctest.Await(t, fmt.Sprintf("%d files are back", at), func() bool { return there() >= at })
		laptop.Kill()
		if err := restore.Wait(); err == nil {
			t.Fatalf("the restore was over before the kill, with %d files", there())
		}
		for i := range count {
			data, err := os.ReadFile(laptop.Path("shared", "d", fmt.Sprint(i)))
			if err == nil && string(data) != body(i) || err != nil && !os.IsNotExist(err) {
				t.Fatalf("after a kill at %d: %d is half there: %d bytes, %v", at, i, len(data), err)
			}
		}
		laptop.Must("start")
	}
	line := decoded[api.RestoredLine](t, laptop, "restore", "--deleted", "--timeout", "1s")
	if len(line.Skipped) > 0 || there() != count {
		t.Fatalf("%d files are there: %+v", there(), line.Skipped)
	}
	if versions, err := filepath.Glob(laptop.Path(".botsync", "versions", "shared", "d", "*~d")); err != nil || len(versions) != count {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	agent.Must("start")
	for _, n := range []*botsynctest.Node{laptop, agent} {
		botsynctest.Await(t, n.Name+" has every byte", func() bool { return hasTree(n.Path("shared"), before) })
	}
	// The directory's own deletion may have been pending at a kill, and is tried again.
	laptop.AwaitStatus("nothing is wrong", func(s api.Status) bool { return len(s.Problems) == 0 })
}
