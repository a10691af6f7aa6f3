package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/botsynctest"
)

// badPeer is a member of a network, with a certificate that the others accept,
// who says what he likes. It speaks Syncthing's protocol by Syncthing's own code,
// which checks what it receives and not what it sends.
type badPeer struct {
	t        *testing.T
	identity Identity
	id       protocol.DeviceID
	victim   protocol.DeviceID
	port     string
	folder   string // ID

	mu       sync.Mutex
	contents map[string][]byte // by name: what it gives to those who ask
	asked    map[string]int
	sequence int64
	silent   string        // below this directory it is asked and does not answer
	ended    chan struct{} // closed when the test ends

	conn   protocol.Connection
	socket net.Conn
	closed chan struct{}
}

// dial connects, as a new connection each time, and shares the folder.
func (p *badPeer) dial() {
	p.t.Helper()
	if p.socket != nil {
		p.socket.Close()
		<-p.closed
	}
	botsynctest.Await(p.t, "the daemon accepts a connection", func() bool {
		socket, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", p.port), &tls.Config{
			Certificates: []tls.Certificate{p.identity.cert}, NextProtos: []string{bepProtocol}, InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		_ = socket.SetDeadline(time.Now().Add(botsynctest.Patience))
		_, err = protocol.ExchangeHello(socket, protocol.Hello{DeviceName: "bad", ClientName: "syncthing", ClientVersion: "v2.1.2",
			NumConnections: 1, Timestamp: time.Now().UnixNano()})
		if err != nil {
			socket.Close()
			return false
		}
		_ = socket.SetDeadline(time.Time{})
		p.socket = socket
		return true
	})
	p.closed = make(chan struct{})
	p.conn = protocol.NewConnection(p.victim, p.socket, p.socket, p.socket, p, &fakeInfo{p.socket}, protocol.CompressionAlways, protocol.NewKeyGenerator())
	p.conn.Start()
	p.conn.ClusterConfig(&protocol.ClusterConfig{Folders: []protocol.Folder{{ID: p.folder, Label: "shared",
		Devices: []protocol.Device{{ID: p.id, MaxSequence: 1 << 40, IndexID: 7}, {ID: p.victim}}}}}, nil)
}

// isClosed reports whether one of the two has hung up.
func (p *badPeer) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// file is an entry of an index that is as it should be.
func (p *badPeer) file(name string, data []byte) protocol.FileInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contents[name] = data
	p.sequence++
	hash := sha256.Sum256(data)
	return protocol.FileInfo{Name: name, Size: int64(len(data)), ModifiedS: 1_700_000_000 + p.sequence, ModifiedBy: p.id.Short(), Permissions: 0o644,
		Version: protocol.Vector{Counters: []protocol.Counter{{ID: p.id.Short(), Value: uint64(p.sequence)}}}, Sequence: p.sequence,
		RawBlockSize: protocol.MinBlockSize, Blocks: []protocol.BlockInfo{{Hash: hash[:], Size: len(data)}}}
}

func (p *badPeer) link(name, target string) protocol.FileInfo {
	f := p.file(name, nil)
	f.Type, f.Blocks, f.SymlinkTarget, f.RawBlockSize = protocol.FileInfoTypeSymlink, nil, []byte(target), 0
	return f
}

func (p *badPeer) directory(name string) protocol.FileInfo {
	f := p.file(name, nil)
	f.Type, f.Blocks, f.Permissions, f.RawBlockSize = protocol.FileInfoTypeDirectory, nil, 0o755, 0
	return f
}

func (p *badPeer) deleted(name string) protocol.FileInfo {
	f := p.file(name, nil)
	f.Deleted, f.Blocks, f.RawBlockSize = true, nil, 0
	return f
}

// announce sends entries. It returns false if the daemon has hung up.
func (p *badPeer) announce(files ...protocol.FileInfo) bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), botsynctest.Patience)
	defer cancel()
	last := files[len(files)-1].Sequence
	if err := p.conn.Index(ctx, &protocol.Index{Folder: p.folder, Files: slices.Clone(files), LastSequence: last}); err != nil {
		return false
	}
	return true
}

// Those of protocol.Model.

func (p *badPeer) Index(protocol.Connection, *protocol.Index) error                       { return nil }
func (p *badPeer) IndexUpdate(protocol.Connection, *protocol.IndexUpdate) error           { return nil }
func (p *badPeer) ClusterConfig(protocol.Connection, *protocol.ClusterConfig) error       { return nil }
func (p *badPeer) DownloadProgress(protocol.Connection, *protocol.DownloadProgress) error { return nil }
func (p *badPeer) Closed(protocol.Connection, error)                                      { close(p.closed) }

func (p *badPeer) Request(_ protocol.Connection, r *protocol.Request) (protocol.RequestResponse, error) {
	p.mu.Lock()
	p.asked[r.Name]++
	if p.silent != "" && strings.HasPrefix(r.Name, p.silent+"/") {
		p.mu.Unlock()
		<-p.ended
		return nil, protocol.ErrNoSuchFile
	}
	defer p.mu.Unlock()
	data, ok := p.contents[r.Name]
	if !ok || r.Offset != 0 {
		return nil, protocol.ErrNoSuchFile
	}
	return answered(data), nil
}

type answered []byte

func (a answered) Data() []byte { return a }
func (answered) Close()         {}
func (answered) Wait()          {}

// fakeInfo is what the protocol wants to know of a connection, for its log.
type fakeInfo struct{ net.Conn }

func (*fakeInfo) Type() string             { return "test" }
func (*fakeInfo) Transport() string        { return "tcp" }
func (*fakeInfo) IsLocal() bool            { return true }
func (*fakeInfo) Priority() int            { return 0 }
func (*fakeInfo) String() string           { return "test" }
func (*fakeInfo) Crypto() string           { return "test" }
func (*fakeInfo) EstablishedAt() time.Time { return time.Now() }
func (*fakeInfo) ConnectionID() string     { return "test" }

// newBadPeer has a node add a peer, and returns it connected.
func newBadPeer(t *testing.T, n *botsynctest.Node) *badPeer {
	t.Helper()
	identity, err := CreateIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &badPeer{t: t, identity: identity, contents: map[string][]byte{}, asked: map[string]int{}, ended: make(chan struct{})}
	port, folder, err := addStock(n, identity.ID)
	id, err2 := protocol.DeviceIDFromString(identity.ID)
	victim, err3 := protocol.DeviceIDFromString(n.Status().Device.ID)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	p.id, p.victim, p.port, p.folder = id, victim, strconv.Itoa(port), folder
	p.dial()
	t.Cleanup(func() {
		close(p.ended)
		p.socket.Close()
		<-p.closed
	})
	return p
}

// noise is a content that nothing else has.
func (p *badPeer) noise(name string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Repeat(fmt.Appendf(nil, "%s %d ", name[:min(len(name), 20)], p.sequence), 10)
}
