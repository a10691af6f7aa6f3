package meeting

import "time"

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
