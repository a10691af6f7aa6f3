package meeting

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// A globalIdentity is the Syncthing device under which a host is announced. Everybody who has the code can derive it,
// and nobody who has only the label.
type globalIdentity struct {
	cert tls.Certificate
	id   deviceID
}

// globalSeedPrefix separates the seed from every other hash of a place's secret.
const globalSeedPrefix = "botsync/global/1"

func globalSeed(secret [32]byte) [32]byte {
	return sha256.Sum256(append([]byte(globalSeedPrefix), secret[:]...))
}

// newGlobalIdentity derives the identity of a place. Host and guest must arrive at the same certificate, byte for byte,
// since its hash is the device ID.
func newGlobalIdentity(secret [32]byte) (globalIdentity, error) {
	seed := globalSeed(secret)
	return certify(ed25519.NewKeyFromSeed(seed[:]), new(big.Int).SetBytes(seed[:8]))
}

// newThrowawayIdentity draws an identity for a guest: a relay wants one, whichever it is.
func newThrowawayIdentity() (globalIdentity, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return globalIdentity{}, err
	}
	return certify(key, big.NewInt(1))
}

// certify makes a self-signed certificate in which nothing varies but key and serial number: no extensions, no
// time of day, and a signature that has no randomness in it (RFC 8032). Nobody checks more of it than its hash.
func certify(key ed25519.PrivateKey, serial *big.Int) (globalIdentity, error) {
	template := &x509.Certificate{
		SerialNumber:       serial.Or(serial, big.NewInt(1)), // not 0, RFC 5280, 4.1.2.2
		Subject:            pkix.Name{CommonName: "syncthing"},
		NotBefore:          time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.PureEd25519,
	}
	der, err := x509.CreateCertificate(bytes.NewReader(nil), template, template, key.Public(), key)
	if err != nil {
		return globalIdentity{}, fmt.Errorf("making a certificate: %w", err)
	}
	return globalIdentity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, deviceIDOf(der)}, nil
}
