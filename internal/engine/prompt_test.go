package engine

import (
	"context"
	"net"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// oldModel knows how many connections there are.
type oldModel struct {
	model.Model
	connections int
}

func (m *oldModel) ConnectedTo(protocol.DeviceID) bool                { return m.connections > 0 }
func (m *oldModel) AddConnection(protocol.Connection, protocol.Hello) { m.connections++ }

// seenConn notes what is done with it.
type seenConn struct {
	protocol.Connection
	did []string
}

func (c *seenConn) DeviceID() protocol.DeviceID { return protocol.LocalDeviceID }
func (c *seenConn) ConnectionID() string        { return "id" }
func (c *seenConn) RemoteAddr() net.Addr        { return nil }
func (c *seenConn) Start()                      { c.did = append(c.did, "start") }
func (c *seenConn) ClusterConfig(cc *protocol.ClusterConfig, _ map[string]string) {
	if cc.Secondary {
		c.did = append(c.did, "secondary")
	} else {
		c.did = append(c.did, "primary")
	}
}

// Where both sides dial at once, each may take another connection for the first
// one. Neither may wait until the other is started.
func TestEveryConnectionIsStartedAtOnce(t *testing.T) {
	t.Parallel()
	cfg := config.Wrap("", config.New(protocol.LocalDeviceID), protocol.LocalDeviceID, events.NoopLogger)
	m := &promptModel{Model: &oldModel{}, cfg: cfg,
		senders: &indexSenders{all: map[string]*indexSender{}, run: func(func(context.Context)) {}}}
	for _, want := range []string{"primary", "secondary", "secondary"} {
		c := &seenConn{}
		m.AddConnection(c, protocol.Hello{})
		if len(c.did) != 2 || c.did[0] != "start" || c.did[1] != want {
			t.Errorf("a connection was handled with %q, want start and %s", c.did, want)
		}
	}
}
