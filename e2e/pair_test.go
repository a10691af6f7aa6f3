// Package e2e tests the product: real daemons, started from the built binary.
package e2e

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func TestTwoMachinesTwoCommands(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	invite := agent.Init("--role", "agent")
	joined := laptop.Join(invite.Code, "--role", "human")
	if joined.Device.Name != "agent" || joined.Device.Role != api.RoleAgent || joined.Network.Devices != 2 {
		t.Fatalf("joined %+v", joined)
	}
	for _, folder := range []string{"shared", "deliverables", "inbox"} {
		if folder != "inbox" {
			agent.Write(folder+"/from agent", "hello")
			laptop.AwaitFile(folder+"/from agent", "hello")
		}
		if folder != "deliverables" {
			laptop.Write(folder+"/from laptop", "hi")
			agent.AwaitFile(folder+"/from laptop", "hi")
		}
	}
	agent.AwaitPeers(1)
	laptop.AwaitPeers(1)
}

func TestAThirdMachineIsKnownToAll(t *testing.T) {
	t.Parallel()
	a, b, c := botsynctest.New(t, "a"), botsynctest.New(t, "b"), botsynctest.New(t, "c")
	b.Join(a.Init().Code)
	c.Join(b.Invite().Code)
	c.Write("shared/file", "from c")
	a.AwaitFile("shared/file", "from c")
	for _, n := range []*botsynctest.Node{a, b, c} {
		n.AwaitPeers(2)
	}
	// The one in the middle is not needed any more.
	b.Must("stop")
	a.Write("shared/file2", "from a")
	c.AwaitFile("shared/file2", "from a")
}
