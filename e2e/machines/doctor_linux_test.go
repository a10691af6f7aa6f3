package machines

import (
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Clocks that differ are seen from both sides, whichever of them is wrong, and no
// longer once it is right.
func TestDoctorComparesClocks(t *testing.T) {
	t.Parallel()
	list := lan(t, "agent", "laptop")
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	laptop.Join(agent.Init().Code)
	mustHaveEachOther(t, agent, laptop)
	agent.AwaitCheck("peer_clock", "laptop", api.CheckOK, "differ by", "")
	skewClock(t, agent, 2*time.Hour)
	agent.AwaitCheck("peer_clock", "laptop", api.CheckWarn, "Its clock is behind this one, by 2 h at least", "timedatectl set-ntp true")
	laptop.AwaitCheck("peer_clock", "agent", api.CheckWarn, "Its clock is ahead of this one, by ", "timedatectl set-ntp true")
	agent.Must("stop") // with it ends what its clock was exchanged for
	agent.Must("start")
	agent.AwaitCheck("peer_clock", "laptop", api.CheckOK, "differ by", "")
	laptop.AwaitCheck("peer_clock", "agent", api.CheckOK, "differ by", "")
}

// A peer is off, and on again; and a cable is pulled out, and put back. The ways of an
// invite that waits are listed all the while.
func TestDoctorMissesTheNetwork(t *testing.T) {
	t.Parallel()
	list := lan(t, "agent", "laptop")
	agent, laptop := list[0].node("agent"), list[1].node("laptop")
	laptop.Join(agent.Init().Code)
	mustHaveEachOther(t, agent, laptop)
	agent.Invite()
	agent.AwaitCheck("lan", "", api.CheckOK, "Announced on 1 interface", "")
	agent.AwaitCheck("peer", "laptop", api.CheckOK, "in the same network", "")
	agent.AwaitCheck("invite", "lan", api.CheckOK, "1 open invite can be redeemed", "")
	agent.AwaitCheck("port_mapping", "", api.CheckSkipped, "lan_only", "")

	laptop.Must("stop")
	agent.AwaitCheck("peer", "laptop", api.CheckWarn, "Not connected, last seen", "See that botsync is running there (botsync doctor)")
	laptop.Must("start")
	agent.AwaitCheck("peer", "laptop", api.CheckOK, "in the same network", "")

	list[0].sh("ip link set eth0 down")
	agent.AwaitCheck("lan", "", api.CheckWarn, "No network interface is up but loopback", "Connect this machine to a network.")
	list[0].sh("ip link set eth0 up")
	agent.AwaitCheck("lan", "", api.CheckOK, "Announced on 1 interface", "")
	agent.AwaitCheck("invite", "lan", api.CheckOK, "1 open invite can be redeemed", "")
}

// A device that was let in while another one was off has never seen that one.
func TestDoctorNamesWhoWasNeverSeen(t *testing.T) {
	t.Parallel()
	list := lan(t, "agent", "laptop", "late")
	agent, laptop, late := list[0].node("agent"), list[1].node("laptop"), list[2].node("late")
	laptop.Join(agent.Init().Code)
	mustHaveEachOther(t, agent, laptop)
	laptop.Must("stop")
	late.Join(agent.Invite().Code)
	late.Must("wait", "--synced")
	late.AwaitCheck("peer", "laptop", api.CheckWarn, "Not connected, and never was.", "See that botsync is running there (botsync doctor)")
	late.AwaitCheck("peer", "agent", api.CheckOK, "Connected in the same network", "")
	laptop.Must("start")
	late.AwaitCheck("peer", "laptop", api.CheckOK, "Connected in the same network", "")
}
