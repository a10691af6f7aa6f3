package network

import (
	"strconv"
	"testing"
)

// BenchmarkRefresh is what a device does when a record arrives: it reads all
// files, merges and plans. Each member has a record, an address file, and a role
// that was changed; a tenth as many were removed.
func BenchmarkRefresh(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(strconv.Itoa(n)+" members", func(b *testing.B) {
			s := NewStore(b.TempDir(), nil)
			known := Known{}.Clone()
			for i := range n + n/10 {
				known.Add(record(i))
				if i >= n {
					known.Remove(Removal{ID: deviceID(i), RemovedBy: deviceID(0)})
				} else if err := known.Say(deviceID(i), FactRole, "agent", deviceID(0)); err != nil {
					b.Fatal(err)
				}
			}
			seen, err := s.Read(known)
			if err != nil {
				b.Fatal(err)
			}
			for _, f := range Merge(known, seen, deviceID(0)).Write {
				if err := s.Write(f); err != nil {
					b.Fatal(err)
				}
			}
			for i := range n {
				if err := s.Write(AddressesFile(deviceID(i), []string{"tcp://192.0.2.1:22000", "quic://192.0.2.1:22000"})); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(known.encode("n"))), "known-B")
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				seen, err := s.Read(known)
				if err != nil {
					b.Fatal(err)
				}
				m := Merge(known, seen, deviceID(0))
				if got := Plan(m.Known, deviceID(0)); len(got.Members) != n-1 || m.Changed || len(m.Write) > 0 {
					b.Fatalf("%d members, %d to write", len(got.Members), len(m.Write))
				}
			}
		})
	}
}
