package meeting

// This file is all of the package that knows Syncthing: device IDs, the addresses of its public servers and the messages
// of its relays. The clients around them are our own. lib/discover announces for the first time after five
// seconds and cannot say who it is; lib/relay/client cannot be stopped in the middle of a handshake, does not tell when
// a relay has been joined, reads a pool without a limit and then connects to each of its relays in turn.

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	relay "github.com/syncthing/syncthing/lib/relay/protocol"
)

// publicSyncRelays is Syncthing's pool of relays.
const publicSyncRelays = "dynamic+https://relays.syncthing.net/endpoint"

// publicDiscoveryServers returns the URLs of Syncthing's discovery servers.
func publicDiscoveryServers() []string { return config.DefaultDiscoveryServers }

// A deviceID is that of a Syncthing device: SHA-256 of its certificate.
type deviceID [32]byte

func deviceIDOf(certificate []byte) deviceID { return deviceID(protocol.NewDeviceID(certificate)) }

// parseDeviceID reads the text form, which has check digits.
func parseDeviceID(s string) (deviceID, error) {
	id, err := protocol.DeviceIDFromString(s)
	return deviceID(id), err
}

func (id deviceID) String() string { return protocol.DeviceID(id).String() }

// syncRelayProtocol is what is negotiated in the TLS handshake with a relay of Syncthing.
const syncRelayProtocol = relay.ProtocolName

// A syncRelayMessage is what a relay of Syncthing says.
type syncRelayMessage int

const (
	syncRelayPing syncRelayMessage = iota + 1
	syncRelayPong
	syncRelayFull
	syncRelayAnswer     // to a request; see refusal
	syncRelayInvitation // to a session with a peer
)

// A syncRelayHeard is a message together with what is in it.
type syncRelayHeard struct {
	kind       syncRelayMessage
	refusal    error      // of an answer; nil if it is yes
	key        []byte     // of an invitation
	session    netip.Addr // of an invitation: where to join; invalid if it is the relay itself
	port       uint16
	fromDevice deviceID
}

// Answers of a relay that mean something to us.
var (
	errNotAtSyncRelay = errors.New("the host is not at this relay")
	errAlreadyThere   = errors.New("somebody is already connected under this identity")
)

// readSyncRelay reads the next message, of at most a kilobyte.
func readSyncRelay(r io.Reader) (syncRelayHeard, error) {
	m, err := relay.ReadMessage(r)
	if err != nil {
		if _, ok := errors.AsType[net.Error](err); !ok && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			err = errNoSyncRelay // what it said is no message
		}
		return syncRelayHeard{}, err
	}
	switch m := m.(type) {
	case relay.Ping:
		return syncRelayHeard{kind: syncRelayPing}, nil
	case relay.Pong:
		return syncRelayHeard{kind: syncRelayPong}, nil
	case relay.RelayFull:
		return syncRelayHeard{kind: syncRelayFull}, nil
	case relay.Response:
		return syncRelayHeard{kind: syncRelayAnswer, refusal: syncRelayRefusal(m)}, nil
	case relay.SessionInvitation:
		h := syncRelayHeard{kind: syncRelayInvitation, key: m.Key, port: m.Port}
		copy(h.fromDevice[:], m.From)
		if addr, ok := netip.AddrFromSlice(m.Address); ok && !addr.IsUnspecified() {
			h.session = addr.Unmap()
		}
		return h, nil
	}
	return syncRelayHeard{}, fmt.Errorf("answered with %T, which is not for us", m)
}

func syncRelayRefusal(m relay.Response) error {
	switch m.Code {
	case relay.ResponseSuccess.Code:
		return nil
	case relay.ResponseNotFound.Code:
		return errNotAtSyncRelay
	case relay.ResponseAlreadyConnected.Code:
		return errAlreadyThere
	case relay.ResponseWrongToken.Code:
		return errors.New("wants another token")
	default:
		return fmt.Errorf("refused: %d %s", m.Code, clean(m.Message))
	}
}

func writeJoinRelay(w io.Writer, token string) error {
	return relay.WriteMessage(w, relay.JoinRelayRequest{Token: token})
}

func writeConnect(w io.Writer, id deviceID) error {
	return relay.WriteMessage(w, relay.ConnectRequest{ID: id[:]})
}

func writeJoinSession(w io.Writer, key []byte) error {
	return relay.WriteMessage(w, relay.JoinSessionRequest{Key: key})
}

func writePong(w io.Writer) error { return relay.WriteMessage(w, relay.Pong{}) }
