package machines

import (
	"testing"
	"time"
)

// Two machines, a cable, and nothing else: no name server, no route.
func TestPairOverACable(t *testing.T) {
	t.Parallel()
	for _, f := range []family{ipv4, ipv6, linkLocal, both} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			a, b := cable(t, f)
			agent, laptop := a.node("agent"), b.node("laptop")
			invite := agent.Init()
			start := time.Now()
			joined := laptop.Join(invite.Code)
			t.Logf("join took %v: %+v", time.Since(start), *joined.Timing)
			mustHaveEachOther(t, agent, laptop)
			exchange(t, agent, laptop, "first")

			for _, n := range []node{agent, laptop} {
				n.Must("stop")
			}
			start = time.Now()
			for _, n := range []node{agent, laptop} {
				n.Must("start")
			}
			mustHaveEachOther(t, agent, laptop)
			t.Logf("connected again %v after the restart of both", time.Since(start))
			exchange(t, agent, laptop, "second")
		})
	}
}

// One machine without any network.
func TestPairOverLoopback(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "lonely")
	a, b := m.node("a"), m.node("b")
	joined := b.Join(a.Init().Code)
	t.Logf("%+v", *joined.Timing)
	mustHaveEachOther(t, a, b)
	exchange(t, a, b, "first")
}
