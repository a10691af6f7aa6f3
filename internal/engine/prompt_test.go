package engine

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
	"pgregory.net/rapid"
)

// oldModel takes every connection, and a peer's index from the one on which the
// peer's last ClusterConfig came, as Syncthing's does.
type oldModel struct {
	model.Model
	index   string // ID of that connection
	behind  bool   // the peer lacks something of the index
	updates []string
}

func (m *oldModel) AddConnection(protocol.Connection, protocol.Hello) {}

func (m *oldModel) ClusterConfig(conn protocol.Connection, msg *protocol.ClusterConfig) error {
	if !msg.Secondary {
		m.index = conn.ConnectionID()
		if m.behind { // or there is nothing to tell
			conn.(*indexSender).Connection.(*seenConn).say("index")
		}
	}
	return nil
}

func (m *oldModel) IndexUpdate(conn protocol.Connection, idx *protocol.IndexUpdate) error {
	m.updates = append(m.updates, fmt.Sprint(conn.ConnectionID(), " ", idx.Folder, " ", len(idx.Files)))
	return nil
}

func (m *oldModel) Closed(conn protocol.Connection, _ error) {
	if m.index == conn.ConnectionID() {
		m.index = ""
	}
}

// seenConn is one end of a connection; it notes what is done with it.
type seenConn struct {
	protocol.Connection
	id   string
	peer protocol.DeviceID
	did  []string
	read int // how much of it the other end has read

	closed chan struct{}
}

func (c *seenConn) DeviceID() protocol.DeviceID { return c.peer }
func (c *seenConn) ConnectionID() string        { return c.id }
func (c *seenConn) RemoteAddr() net.Addr        { return nil }
func (c *seenConn) Start()                      {}
func (c *seenConn) Closed() <-chan struct{}     { return c.closed }
func (c *seenConn) say(what string)             { c.did = append(c.did, what) }
func (c *seenConn) ClusterConfig(cc *protocol.ClusterConfig, _ map[string]string) {
	if cc.Secondary {
		c.say("secondary")
	} else {
		c.say("primary")
	}
}

func testPrompt(self protocol.DeviceID, peers ...Peer) (*promptModel, *oldModel) {
	old := &oldModel{}
	return &promptModel{Model: old, cfg: config.Wrap("", config.New(self), self, events.NoopLogger), announced: &announcements{},
		senders:   &indexSenders{all: map[string]*indexSender{}, run: func(func(context.Context)) {}},
		primaries: newPrimaries(self, peers)}, old
}

var lowID, highID = protocol.DeviceID{1}, protocol.DeviceID{2}

// The one with the lower ID begins at once, and so does everybody with a device that
// waits a second.
func TestWhoBeginsTheExchange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		self, peer protocol.DeviceID
		stock      bool
		want       string
	}{
		{lowID, highID, false, "primary"},
		{highID, lowID, false, "secondary"},
		{highID, lowID, true, "primary"},
		{lowID, highID, true, "primary"},
	} {
		m, _ := testPrompt(test.self, Peer{ID: test.peer.String(), Stock: test.stock})
		for _, want := range []string{test.want, "secondary", "secondary"} {
			c := &seenConn{id: fmt.Sprint(len(m.senders.all)), peer: test.peer}
			m.AddConnection(c, protocol.Hello{})
			if !slices.Equal(c.did, []string{want}) {
				t.Errorf("a connection was begun with %q, want %s", c.did, want)
			}
		}
	}
}

// Whatever connections two devices make and close, in whatever order each of them
// hears of it, and whichever of them Syncthing promotes meanwhile: when all that was
// said has been read, each takes the other's index from a connection that is open,
// and it is the same one for both. What there is of others may be closed on the way,
// but never the last one.
func TestBothAgreeOnOneConnection(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type end struct {
			m    *promptModel
			old  *oldModel
			open []*seenConn
		}
		low, lowOld := testPrompt(lowID)
		high, highOld := testPrompt(highID)
		lowOld.behind, highOld.behind = rapid.Bool().Draw(t, "low has more"), rapid.Bool().Draw(t, "high has more")
		ends := []*end{{m: low, old: lowOld}, {m: high, old: highOld}}
		var pending [2][]*seenConn // made, and not added at this end yet
		both := map[string][2]*seenConn{}
		closing := map[string][2]bool{}
		add := func(i int) {
			if len(pending[i]) > 0 {
				c := pending[i][0]
				pending[i] = pending[i][1:]
				ends[i].open = append(ends[i].open, c)
				ends[i].m.AddConnection(c, protocol.Hello{})
			}
		}
		isOpen := func(i int, c *seenConn) bool { return slices.Contains(ends[i].open, c) }
		closeAt := func(i int, c *seenConn) {
			ends[i].open = slices.DeleteFunc(ends[i].open, func(o *seenConn) bool { return o == c })
			pending[i] = slices.DeleteFunc(pending[i], func(o *seenConn) bool { return o == c })
			ends[i].m.Closed(c, nil)
			// What the other end has not read is lost: it does not come after what is said
			// on a later connection.
			c.read = len(c.did)
			gone := closing[c.id]
			gone[i] = true
			closing[c.id] = gone
		}
		// read has one end read a message, and reports whether there was one.
		read := func(i int, id string) bool {
			mine, theirs := both[id][i], both[id][1-i]
			if !isOpen(i, mine) || theirs.read == len(theirs.did) {
				return false
			}
			msg := theirs.did[theirs.read]
			theirs.read++
			switch msg {
			case "index":
				if ends[i].old.index != id {
					if len(ends[i].open) == 1 && len(pending[i]) == 0 {
						t.Fatalf("the only connection, %q, is closed for an index", id)
					}
					closeAt(i, mine)
				}
			default:
				if err := ends[i].m.ClusterConfig(mine, &protocol.ClusterConfig{Secondary: msg == "secondary"}); err != nil {
					t.Fatal(err)
				}
			}
			return true
		}
		promote := func(i int) {
			if e := ends[i]; len(e.open) > 0 {
				e.m.senders.of(e.open[0]).ClusterConfig(&protocol.ClusterConfig{}, nil)
			}
		}
		ids := func() []string { return slices.Sorted(maps.Keys(both)) }
		t.Repeat(map[string]func(*rapid.T){
			"connect": func(t *rapid.T) {
				if len(both) == 6 {
					t.Skip("enough")
				}
				id := fmt.Sprint("connection ", len(both))
				a, b := &seenConn{id: id, peer: highID}, &seenConn{id: id, peer: lowID}
				both[id] = [2]*seenConn{a, b}
				pending[0] = append(pending[0], a) // the other end may take them up in another order
				pending[1] = slices.Insert(pending[1], rapid.IntRange(0, len(pending[1])).Draw(t, "place"), b)
			},
			"add": func(t *rapid.T) { add(rapid.IntRange(0, 1).Draw(t, "end")) },
			"read": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "end")
				readAny(t, ids(), func(id string) { read(i, id) })
			},
			"close": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "end")
				if e := ends[i]; len(e.open) > 0 {
					closeAt(i, rapid.SampledFrom(e.open).Draw(t, "connection"))
				}
			},
			"change": func(t *rapid.T) {
				e := ends[rapid.IntRange(0, 1).Draw(t, "end")]
				if i := slices.IndexFunc(e.open, func(c *seenConn) bool { return c.id == e.old.index }); i >= 0 {
					e.open[i].say("index")
				}
			},
			"promote": func(t *rapid.T) { promote(rapid.IntRange(0, 1).Draw(t, "end")) },
		})
		// What is left of it is heard of, in step, so that what is said at the same time
		// crosses.
		drain := func() {
			for rounds, more := 0, true; more; rounds++ {
				if rounds == 200 {
					t.Fatal("they do not come to an end")
				}
				more = false
				for i := range ends {
					for len(pending[i]) > 0 {
						add(i)
					}
				}
				said := map[*seenConn]int{}
				for _, c := range both {
					said[c[0]], said[c[1]] = len(c[0].did), len(c[1].did)
				}
				for _, id := range ids() {
					for i := range ends {
						for theirs := both[id][1-i]; theirs.read < said[theirs] && read(i, id); {
							more = true
						}
						if closing[id][1-i] && isOpen(i, both[id][i]) {
							closeAt(i, both[id][i])
							more = true
						}
					}
				}
			}
		}
		agree := func() bool { return lowOld.index != "" && lowOld.index == highOld.index }
		if drain(); !agree() {
			// The next change of either ends one of the connections, and Syncthing promotes another.
			for _, e := range ends {
				if i := slices.IndexFunc(e.open, func(c *seenConn) bool { return c.id == e.old.index }); i >= 0 {
					e.open[i].say("index")
				}
			}
			drain()
			for i := range ends {
				promote(i)
				drain()
			}
		}
		if len(ends[0].open) != len(ends[1].open) {
			t.Fatalf("one has %d connections, the other %d", len(ends[0].open), len(ends[1].open))
		}
		if len(ends[0].open) > 0 && !agree() {
			t.Fatalf("one takes the index from %q, the other from %q", lowOld.index, highOld.index)
		}
	})
}

func readAny(t *rapid.T, ids []string, read func(string)) {
	if len(ids) > 0 {
		read(rapid.SampledFrom(ids).Draw(t, "connection"))
	}
}
