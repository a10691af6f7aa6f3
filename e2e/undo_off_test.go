//go:build unix

package e2e

import (
	"fmt"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// What is brought back is on all devices in the end, also on those that were off while
// it was deleted, or when it was brought back.
func TestUndoReachesDevicesThatWereOff(t *testing.T) {
	t.Parallel()
	agent, laptop, phone := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop"), botsynctest.New(t, "phone")
	laptop.Join(agent.Init().Code)
	phone.Join(agent.Invite().Code)
	all := []*botsynctest.Node{agent, laptop, phone}
	release(all...)
	const count = 60
	for i := range count {
		agent.Write(fmt.Sprintf("shared/d%d/file %d", i%7, i), fmt.Sprintf("the content of %d", i))
	}
	before := treeOf(t, agent.Path("shared"))
	everywhere := func(what string, want []string) {
		t.Helper()
		for _, n := range all {
			botsynctest.AwaitFor(t, 3*botsynctest.Patience, n.Name+" has "+what, func() bool { return hasTree(n.Path("shared"), want) })
		}
	}
	everywhere("every byte", before)
	for _, n := range all {
		n.Must("wait", "--synced", "--timeout", "60s")
	}

	phone.Must("stop")
	removeAll(t, agent, "shared")
	absent(laptop, "shared/d0")
	undone := func(n *botsynctest.Node) {
		t.Helper()
		line := decoded[api.UndoneLine](t, n, "undo", "--by", "agent", "--since", "10m")
		if line.Restored != count || len(line.Skipped) > 0 || len(line.Unreachable) != 1 || line.Unreachable[0].Name != "phone" {
			t.Fatalf("%s: %d restored, skipped %v, no answer from %v", n.Name, line.Restored, line.Skipped, line.Unreachable)
		}
	}
	botsynctest.Await(t, "laptop has nothing", func() bool { return hasTree(laptop.Path("shared"), nil) })
	undone(laptop)
	phone.Must("start")
	everywhere("every byte again", before)

	removeAll(t, agent, "shared")
	everywhere("nothing", nil)
	phone.Must("stop")
	undone(agent)
	phone.Must("start")
	everywhere("every byte once more", before)
}
