package engine

import (
	"context"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// promptModel starts the exchange of indexes as soon as a peer is connected.
//
// Syncthing's own model waits a second after each new connection, to see
// whether a better one comes (model.scheduleConnectionPromotion). That second
// would pass between every join and its first file. The model sends the same
// message again when its second is over, which the protocol allows at any time. Which
// connection it is, both sides have to agree on: see primaries.
type promptModel struct {
	model.Model
	cfg       config.Wrapper
	index     indexState
	announced *announcements
	senders   *indexSenders
	primaries *primaries
	early     *earlyRequests
}

// indexState is the part of Syncthing's database that a ClusterConfig needs.
type indexState interface {
	GetIndexID(folder string, device protocol.DeviceID) (protocol.IndexID, error)
	GetDeviceSequence(folder string, device protocol.DeviceID) (int64, error)
	senderIndex
}

// AddConnection hands the connection to Syncthing's model and starts it. A further
// one is started as well: the peer may take it for the first.
func (m *promptModel) AddConnection(conn protocol.Connection, hello protocol.Hello) {
	noDelay(conn.RemoteAddr())
	sender := newIndexSender(conn, m.cfg, m.index)
	sender.introduced = m.primaries.spoke
	sender.early = m.early
	conn = m.senders.add(sender)
	begins := m.primaries.add(conn)
	m.Model.AddConnection(conn, hello)
	conn.Start()
	if begins {
		conn.ClusterConfig(m.clusterConfig(conn.DeviceID()), nil)
	} else {
		conn.ClusterConfig(&protocol.ClusterConfig{Secondary: true}, nil)
	}
}

// ClusterConfig answers where that is needed before the peer's is acted on, so that
// nothing of the index comes before the answer. It notes how far the peer's indexes
// go before they are taken for what is there now.
func (m *promptModel) ClusterConfig(conn protocol.Connection, msg *protocol.ClusterConfig) error {
	conn = m.senders.of(conn)
	if msg.Secondary {
		return m.Model.ClusterConfig(conn, msg)
	}
	answer, done := m.primaries.hear(conn)
	defer done()
	m.announced.set(conn.DeviceID(), msg, time.Now())
	if answer {
		m.introduce(conn)
	}
	m.senders.restart(conn.DeviceID())
	return m.Model.ClusterConfig(conn, msg)
}

// Closed has the exchange go on on another connection, if there is one.
func (m *promptModel) Closed(conn protocol.Connection, err error) {
	next := m.primaries.close(conn)
	m.Model.Closed(conn, err)
	if next != nil {
		m.introduce(next)
	}
}

// pullAgain has a folder pulled once more when it has been pulled. Syncthing does that when
// a peer's index has changed, and that can be by nothing. It does not wait: the folder may
// be about to stop, which Syncthing's model waits for.
func (m *promptModel) pullAgain(folder string) {
	m.senders.run(func(context.Context) {
		f, ok := m.cfg.Folder(folder)
		for _, conn := range m.primaries.heardOn() {
			if ok && f.SharedWith(conn.DeviceID()) && m.Model.IndexUpdate(conn, &protocol.IndexUpdate{Folder: folder}) == nil {
				return
			}
		}
	})
}

// introducePatience is how long is waited until a ClusterConfig is on its way. Where both
// sides wait for their writers, and neither reads, a connection that is closed for an
// index that comes too early is better than one that stands still.
const introducePatience = time.Second

// introduce sends a ClusterConfig.
func (m *promptModel) introduce(on protocol.Connection) {
	msg, sent := m.clusterConfig(on.DeviceID()), make(chan struct{})
	go func() { // until the connection is closed, at the latest
		defer close(sent)
		on.ClusterConfig(msg, nil)
	}()
	select {
	case <-sent:
	case <-on.Closed():
	case <-time.After(introducePatience):
	}
}

// clusterConfig lists the folders that are shared with the peer and how far
// each side's index is known, as Syncthing's model does.
func (m *promptModel) clusterConfig(peer protocol.DeviceID) *protocol.ClusterConfig {
	self := m.cfg.MyID()
	devices := m.cfg.Devices()
	msg := &protocol.ClusterConfig{}
	for _, f := range m.cfg.FolderList() {
		if !f.SharedWith(peer) {
			continue
		}
		folder := protocol.Folder{ID: f.ID, Label: f.Label}
		if f.Paused {
			folder.StopReason = protocol.FolderStopReasonPaused
		}
		for _, member := range f.Devices {
			d := devices[member.DeviceID]
			entry := protocol.Device{
				ID:          d.DeviceID,
				Name:        d.Name,
				Addresses:   d.Addresses,
				Compression: d.Compression.ToProtocol(),
				CertName:    d.CertName,
			}
			known := member.DeviceID
			if known == self {
				known = protocol.LocalDeviceID
			}
			// An unknown index has ID and sequence zero: it is sent from the start.
			entry.IndexID, _ = m.index.GetIndexID(f.ID, known)
			entry.MaxSequence, _ = m.index.GetDeviceSequence(f.ID, known)
			folder.Devices = append(folder.Devices, entry)
		}
		msg.Folders = append(msg.Folders, folder)
	}
	return msg
}
