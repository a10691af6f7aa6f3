package meeting

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"
)

// For tests from outside.

// GlobalIdentity returns the seed, the certificate and the device ID of a place's secret.
func GlobalIdentity(secret [32]byte) (seed [32]byte, certificate []byte, id string) {
	g, err := newGlobalIdentity(secret)
	if err != nil {
		panic(err)
	}
	return globalSeed(secret), g.cert.Certificate[0], g.id.String()
}

// DeviceIDOf returns the device ID of a certificate.
func DeviceIDOf(certificate []byte) string { return deviceIDOf(certificate).String() }

// ParseDeviceID returns a device ID in binary.
func ParseDeviceID(s string) ([32]byte, error) {
	id, err := parseDeviceID(s)
	return id, err
}

// ParseCandidate returns what is tried of an address that a discovery server names, or the empty string.
func ParseCandidate(s string, loopback bool) string {
	c, ok := parseGlobalCandidate(s, loopback)
	if !ok {
		return ""
	}
	return c.String()
}

// MaxCandidates bounds what is tried of one server's.
const MaxCandidates = maxGlobalCandidates

// ExplainDiscovery explains an error at a time.
func ExplainDiscovery(err error, now time.Time) error { return explainDiscovery(err, now) }

// OwnAddresses is what a host announces of itself with interfaces of these addresses.
func OwnAddresses(port uint16, loopback bool, prefixes ...netip.Prefix) []string {
	return ownAddresses(port, []link{{prefixes: prefixes}}, loopback)
}

// TicketAddresses is what goes into a ticket.
func TicketAddresses(port uint16, prefixes ...netip.Prefix) []netip.AddrPort {
	return ticketAddresses([]link{{prefixes: prefixes}}, port)
}

// VerifyAt checks a certificate as a client does at a time.
func VerifyAt(cert tls.Certificate, now time.Time) error {
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{CurrentTime: now, Roots: x509.NewCertPool()})
	return err
}
