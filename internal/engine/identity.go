package engine

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/tlsutil"
)

// The names of the files of an identity, within its directory.
const (
	CertFile = "cert.pem"
	KeyFile  = "key.pem"
)

// certLifetimeDays is what Syncthing itself uses: devices are known by the hash
// of the certificate, so that it can never be renewed.
const certLifetimeDays = 20 * 365

// Identity is the certificate and key of this device. Whoever has the key is
// this device.
type Identity struct {
	ID   string // Syncthing's device ID, derived from the certificate
	cert tls.Certificate
}

// ErrNoIdentity says that a directory holds no identity at all.
var ErrNoIdentity = errors.New("no identity")

// LoadIdentity reads the identity in dir. It returns ErrNoIdentity if there is
// none, and an error that names the file if there is half of one or it is
// damaged: a lost identity is never silently replaced by another.
func LoadIdentity(dir string) (Identity, error) {
	certFile, keyFile := filepath.Join(dir, CertFile), filepath.Join(dir, KeyFile)
	_, certErr := os.Stat(certFile)
	_, keyErr := os.Stat(keyFile)
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return Identity{}, ErrNoIdentity
	}
	if _, err := readPEM(certFile, "CERTIFICATE"); err != nil {
		return Identity{}, err
	}
	if _, err := readPEM(keyFile, ""); err != nil {
		return Identity{}, err
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return Identity{}, fmt.Errorf("loading %s and %s: %w", certFile, keyFile, err)
	}
	return Identity{ID: protocol.NewDeviceID(cert.Certificate[0]).String(), cert: cert}, nil
}

// CreateIdentity makes a new identity in dir. The certificate is written last,
// so that a crash in between leaves a key alone, which is overwritten here.
func CreateIdentity(dir string) (Identity, error) {
	tmp, err := os.MkdirTemp(dir, ".new-*")
	if err != nil {
		return Identity{}, fmt.Errorf("creating identity: %w", err)
	}
	defer os.RemoveAll(tmp)
	cert, err := tlsutil.NewCertificate(filepath.Join(tmp, CertFile), filepath.Join(tmp, KeyFile), "syncthing", certLifetimeDays, false)
	if err != nil {
		return Identity{}, fmt.Errorf("creating identity: %w", err)
	}
	for _, name := range []string{KeyFile, CertFile} {
		if err := os.Chmod(filepath.Join(tmp, name), 0o600); err != nil {
			return Identity{}, fmt.Errorf("creating identity: %w", err)
		}
		if err := os.Rename(filepath.Join(tmp, name), filepath.Join(dir, name)); err != nil {
			return Identity{}, fmt.Errorf("creating identity: %w", err)
		}
	}
	return Identity{ID: protocol.NewDeviceID(cert.Certificate[0]).String(), cert: cert}, nil
}

func readPEM(file, kind string) (*pem.Block, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading identity: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || kind != "" && block.Type != kind {
		return nil, fmt.Errorf("reading identity: %s is damaged", file)
	}
	return block, nil
}

// ParseID checks a Syncthing device ID, check characters included, and returns
// it in its canonical form.
func ParseID(s string) (string, error) {
	id, err := protocol.DeviceIDFromString(s)
	if err != nil {
		return "", fmt.Errorf("parsing device ID: %w", err)
	}
	if id == protocol.EmptyDeviceID || id == protocol.LocalDeviceID || id == protocol.GlobalDeviceID {
		return "", errors.New("parsing device ID: it names no device")
	}
	return id.String(), nil
}

// ShortID returns the part of a device ID by which Syncthing names the author
// of a change, or "" if id is no device ID.
func ShortID(id string) string {
	parsed, err := protocol.DeviceIDFromString(id)
	if err != nil {
		return ""
	}
	return parsed.Short().String()
}

// RawID returns a device ID in binary: the SHA-256 of its certificate. It is
// zero if id is no device ID.
func RawID(id string) [32]byte {
	parsed, err := protocol.DeviceIDFromString(id)
	if err != nil {
		return [32]byte{}
	}
	return parsed
}
