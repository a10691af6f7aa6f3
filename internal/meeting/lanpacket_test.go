package meeting

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func FuzzLANPacket(f *testing.F) {
	f.Add(lanPacket{kind: lanQuery, label: [32]byte{1, 2, 3}}.encode())
	f.Add(lanPacket{kind: lanAnswer, port: 21128, label: [32]byte{31: 9}, proof: [16]byte{1}}.encode())
	f.Add(lanPacket{kind: lanAnnounce, port: 1}.encode())
	f.Add([]byte("bsyn"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseLANPacket(b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.encode(), b) {
			t.Fatalf("%x was read as %+v, which is written as %x", b, p, p.encode())
		}
	})
}

// The value that docs/meeting.md gives: other implementations, and later versions of this one, must agree.
func TestProofIsKnown(t *testing.T) {
	t.Parallel()
	var secret [32]byte
	for i := range secret {
		secret[i] = byte(i)
	}
	for ip, want := range map[string]string{
		"192.0.2.1": "5bcd2a7c4706394229eada605c220358",
		"fe80::1":   "9a67c6a70fb4ac05ac537ad19ae06da7",
	} {
		proof := prove(secret, netip.MustParseAddr(ip), 21128)
		if got := hex.EncodeToString(proof[:]); got != want {
			t.Errorf("the proof for %s is %s, want %s", ip, got, want)
		}
	}
	if prove(secret, netip.MustParseAddr("fe80::1%eth0"), 1) != prove(secret, netip.MustParseAddr("fe80::1"), 1) {
		t.Error("the proof depends on the zone, which is known to one side only")
	}
}

func FuzzLabel(f *testing.F) {
	f.Add("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	f.Add("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")
	f.Add("é")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLabel(s)
		if err == nil && (len(s) != 64 || string(l) != s || len(bytes.Trim([]byte(s), "0123456789abcdef")) != 0) {
			t.Fatalf("%q is no label", s)
		}
	})
}

// Whatever is claimed, the pool stays small and consistent, and gives out only what was claimed.
func TestPoolProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPool()
		var trying []netip.AddrPort
		claim := rapid.Custom(func(t *rapid.T) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "ip")}), rapid.Uint16Range(1, 2000).Draw(t, "port"))
		})
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				ap := claim.Draw(t, "claim")
				for i := range uint16(rapid.SampledFrom([]int{1, 1, 700}).Draw(t, "times")) {
					p.add(netip.AddrPortFrom(ap.Addr(), ap.Port()+i))
				}
			case 2:
				if ap, ok := p.take(); ok {
					trying = append(trying, ap)
				}
			case 3:
				if len(trying) > 0 {
					p.failed(trying[0])
					trying = trying[1:]
				}
			}
			p.check(t)
		}
	})
}

func (p *pool) check(t *rapid.T) {
	if len(p.known) > maxCandidates {
		t.Fatalf("%d claims are known", len(p.known))
	}
	if len(p.turns) != len(p.queues) {
		t.Fatalf("%d turns for %d queues", len(p.turns), len(p.queues))
	}
	n := 0
	for addr, queue := range p.queues {
		if len(queue) == 0 || len(queue) > maxCandidatesEach {
			t.Fatalf("%d claims of %v", len(queue), addr)
		}
		for _, ap := range queue {
			if c, ok := p.known[ap]; !ok || c.state != queued {
				t.Fatalf("%v is queued and known as %v, %v", ap, c, ok)
			}
			n++
		}
	}
	for _, c := range p.known {
		if c.state == queued {
			n--
		}
	}
	if n != 0 {
		t.Fatalf("%d more are queued than known as queued", n)
	}
}

// A host among liars is given out soon, wherever it is in the flood.
func TestPoolTakesTurns(t *testing.T) {
	t.Parallel()
	p := newPool()
	host := netip.MustParseAddrPort("10.0.0.1:5")
	liar := netip.MustParseAddr("10.0.0.2")
	for port := range uint16(10_000) {
		p.add(netip.AddrPortFrom(liar, port+1))
	}
	p.add(host)
	for range 2 {
		if ap, ok := p.take(); ok && ap == host {
			return
		}
	}
	t.Error("the host is not among the first two of two machines")
}
