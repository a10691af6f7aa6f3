package engine

import (
	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// promptModel starts the exchange of indexes as soon as a peer is connected.
//
// Syncthing's own model waits a second after each new connection, to see
// whether a better one comes (model.scheduleConnectionPromotion). That second
// would pass between every join and its first file. The model sends the same
// message again when its second is over, which the protocol allows at any time.
type promptModel struct {
	model.Model
	cfg       config.Wrapper
	index     indexState
	announced *announcements
	senders   *indexSenders
}

// indexState is the part of Syncthing's database that a ClusterConfig needs.
type indexState interface {
	GetIndexID(folder string, device protocol.DeviceID) (protocol.IndexID, error)
	GetDeviceSequence(folder string, device protocol.DeviceID) (int64, error)
	senderIndex
}

// AddConnection hands the connection to Syncthing's model and starts it.
//
// Two devices that dial each other at the same moment get two connections, and
// each may have taken another one for the first. So a further one is started as
// well: what the peer says first may come on it. Syncthing's model does the same
// when its second is over.
func (m *promptModel) AddConnection(conn protocol.Connection, hello protocol.Hello) {
	first := !m.ConnectedTo(conn.DeviceID())
	noDelay(conn.RemoteAddr())
	conn = m.senders.add(newIndexSender(conn, m.cfg, m.index))
	m.Model.AddConnection(conn, hello)
	conn.Start()
	if first {
		conn.ClusterConfig(m.clusterConfig(conn.DeviceID()), nil)
	} else {
		conn.ClusterConfig(&protocol.ClusterConfig{Secondary: true}, nil)
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
