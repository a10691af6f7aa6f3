package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"time"

	"github.com/syncthing/syncthing/lib/dialer"
	"github.com/syncthing/syncthing/lib/protocol"
)

const (
	// answerPatience is how long a device has to answer: three round trips
	// around the world.
	answerPatience = 900 * time.Millisecond
	// answerLimit is how many addresses are tried at the same time.
	answerLimit = 16
)

// errAnswered ends a handshake that has told what is to be known.
var errAnswered = errors.New("the device answers")

// answers reports whether the device with this ID answers at an address of TCP.
// The handshake ends when the other side has shown its certificate; that it has
// the key to it shows when Syncthing connects.
func answers(ctx context.Context, address string, id protocol.DeviceID) bool {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return false
	}
	conn, err := dialer.DialContext(ctx, u.Scheme, u.Host)
	if err != nil {
		return false
	}
	defer conn.Close()
	err = tls.Client(conn, &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{bepProtocol},
		InsecureSkipVerify: true, // a peer is known by the hash of its certificate
		VerifyPeerCertificate: func(certs [][]byte, _ [][]*x509.Certificate) error {
			if len(certs) == 1 && protocol.NewDeviceID(certs[0]) == id {
				return errAnswered
			}
			return errors.New("another device")
		},
	}).HandshakeContext(ctx)
	return errors.Is(err, errAnswered)
}
