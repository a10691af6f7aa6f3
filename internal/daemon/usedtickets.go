package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// usedTickets answers at the ports of tickets that were used, until they would
// have expired: who comes with one finds out that it leads to nobody any more,
// and need not suspect the network.
type usedTickets struct {
	mu    sync.Mutex
	ports map[int]usedTicket
}

type usedTicket struct {
	end   context.CancelFunc
	ended chan struct{}
}

// turnAway does so at one port, until the ticket has expired, ctx ends, or the
// port is released.
func (u *usedTickets) turnAway(ctx context.Context, port int, expires time.Time) {
	ctx, cancel := context.WithDeadline(ctx, expires)
	defer cancel()
	ended := make(chan struct{})
	u.mu.Lock()
	if u.ports == nil {
		u.ports = map[int]usedTicket{}
	}
	u.ports[port] = usedTicket{cancel, ended}
	u.mu.Unlock()

	_ = meeting.TurnAway(ctx, port) // somebody else may have the port by now

	u.mu.Lock()
	if u.ports[port].ended == ended {
		delete(u.ports, port)
	}
	u.mu.Unlock()
	close(ended)
}

// release makes a port free for the next ticket. Whoever comes with the old one
// is turned away there, too, since its key is another.
func (u *usedTickets) release(port int) {
	u.mu.Lock()
	t, ok := u.ports[port]
	u.mu.Unlock()
	if ok {
		t.end()
		<-t.ended
	}
}
