package pairing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// honestTranscript records an exchange that succeeds.
func honestTranscript(t *testing.T) transcript {
	t.Helper()
	tr := transcript{}
	p := newParties()
	if out := p.meetThrough(t.Context(), tr.record()); out.guestErr != nil || out.hostErr != nil {
		t.Fatalf("guest: %v; host: %v", out.guestErr, out.hostErr)
	}
	return tr
}

// tampers runs the exchange once for each script, and checks what must hold
// whatever a relay does: the states agree, a retry puts right what is missing,
// and nothing hangs longer than the limits.
func tampers(t *testing.T, attacks func(yield func(name string, s script) bool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		retried := make(map[[3]int]bool)
		for name, s := range attacks {
			p := newParties()
			start := time.Now()
			out := p.meetThrough(t.Context(), s)
			if t.Failed() {
				return
			}
			if d := time.Since(start); d > ExchangeTimeout {
				t.Errorf("%s: took %v", name, d)
			}
			if out.guestErr == nil && out.hostErr == nil {
				t.Errorf("%s: nobody noticed", name)
			}
			p.checkConsistent(named{t, name}, out)
			// The attacks leave behind only a few different states to retry from.
			if state := [3]int{len(p.greeted), len(p.stored), len(p.accepted)}; !retried[state] {
				retried[state] = true
				p.checkRetry(named{t, name}, t.Context())
			}
		}
		if len(retried) == 0 {
			t.Error("no attack was made")
		}
	})
}

// named puts the name of the attack before a failure.
type named struct {
	*testing.T
	attack string
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.T.Fatalf("%s: "+format, append([]any{n.attack}, args...)...)
}

// eachSide runs f as a parallel test for the bytes of either side.
func eachSide(t *testing.T, f func(t *testing.T, from Side, tr transcript)) {
	tr := honestTranscript(t)
	for _, from := range []Side{GuestSide, HostSide} {
		t.Run("from "+from.String(), func(t *testing.T) {
			t.Parallel()
			f(t, from, tr)
		})
	}
}

// A relay that changes any one bit of any byte gets no pairing.
func TestRelayFlipsEachByte(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, tr transcript) {
		tampers(t, func(yield func(string, script) bool) {
			for at := range tr.size(from) {
				flip := func(u unit) verdict {
					data := bytes.Clone(u.data)
					if i := at - u.offset; u.from == from && i >= 0 && i < len(data) {
						data[i] ^= 1 << (at % 8)
					}
					return verdict{forward: [][]byte{data}}
				}
				if !yield(fmt.Sprintf("flipping a bit of byte %d", at), flip) {
					return
				}
			}
		})
	})
}

// A connection that ends after any byte leaves no device on one side alone that
// a retry would not complete. It is what a guest or a host that is killed looks
// like to the other.
func TestRelayHangsUpAfterEachByte(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, tr transcript) {
		tampers(t, func(yield func(string, script) bool) {
			for at := range tr.size(from) {
				cut := func(u unit) verdict {
					if i := at - u.offset; u.from == from && i >= 0 && i < len(u.data) {
						return verdict{forward: [][]byte{u.data[:i]}, hangUp: true}
					}
					return pass(u)
				}
				if !yield(fmt.Sprintf("hanging up after byte %d", at), cut) {
					return
				}
			}
		})
	})
}

// Truncation without hanging up: the rest of a unit, or all of it, never comes.
func TestRelayTruncatesEachUnit(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, tr transcript) {
		tampers(t, func(yield func(string, script) bool) {
			for index, data := range tr[from] {
				for _, keep := range []int{0, 1, 2, len(data) / 2, len(data) - 1} {
					truncate := func(u unit) verdict {
						if u.from == from && u.index == index {
							return verdict{forward: [][]byte{u.data[:keep]}}
						}
						return pass(u)
					}
					if !yield(fmt.Sprintf("unit %d cut to %d bytes", index, keep), truncate) {
						return
					}
				}
			}
		})
	})
}

// edits are what a relay can do to a whole unit. Each makes something arrive
// that was not sent there and then.
var edits = map[string]func(u unit) verdict{
	"twice":      func(u unit) verdict { return verdict{forward: [][]byte{u.data, u.data}} },
	"back":       func(u unit) verdict { return verdict{back: [][]byte{u.data}} },
	"both ways":  func(u unit) verdict { return verdict{forward: [][]byte{u.data}, back: [][]byte{u.data}} },
	"byte more":  func(u unit) verdict { return verdict{forward: [][]byte{u.data, {0}}} },
	"byte first": func(u unit) verdict { return verdict{forward: [][]byte{{0}, u.data}} },
	"zeroes":     func(u unit) verdict { return verdict{forward: [][]byte{make([]byte, len(u.data))}} },
	"ones":       func(u unit) verdict { return verdict{forward: [][]byte{bytes.Repeat([]byte{0xff}, len(u.data))}} },
}

// What a relay adds after the last unit that a side waits for is never read, so
// it may go unnoticed; it must do no more than that.
func TestRelayEditsEachUnit(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, tr transcript) {
		for name, edit := range edits {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for index := range tr[from] {
						p := newParties()
						out := p.meetThrough(t.Context(), func(u unit) verdict {
							if u.from == from && u.index == index {
								return edit(u)
							}
							return pass(u)
						})
						last := index == len(tr[from])-1
						if out.guestErr == nil && out.hostErr == nil && !last {
							t.Errorf("unit %d: nobody noticed", index)
						}
						p.checkConsistent(named{t, fmt.Sprintf("unit %d", index)}, out)
						p.checkRetry(named{t, fmt.Sprintf("unit %d", index)}, t.Context())
					}
				})
			})
		}
	})
}

// A Welcome of several frames: each of them left out, repeated and swapped with
// the next.
func TestRelayReordersFrames(t *testing.T) {
	t.Parallel()
	var frames int
	{
		p, tr := newParties(), transcript{}
		p.welcome = bigWelcome()
		if out := p.meetThrough(t.Context(), tr.record()); out.guestErr != nil {
			t.Fatal(out.guestErr)
		}
		frames = len(tr[HostSide]) - 2 // without the handshake and Done
	}
	if frames < 3 {
		t.Fatalf("the Welcome has %d frames, want several", frames)
	}
	swap := func(index int) script {
		var held []byte
		return func(u unit) verdict {
			if u.from == HostSide && u.index == index {
				held = u.data
				return verdict{}
			}
			if u.from == HostSide && u.index == index+1 {
				return verdict{forward: [][]byte{u.data, held}}
			}
			return pass(u)
		}
	}
	on := func(index int, edit func(unit) verdict) script {
		return func(u unit) verdict {
			if u.from == HostSide && u.index == index {
				return edit(u)
			}
			return pass(u)
		}
	}
	for index := 1; index <= frames; index++ {
		attacks := map[string]script{
			"dropped": on(index, func(unit) verdict { return verdict{} }),
			"twice":   on(index, edits["twice"]),
		}
		if index < frames {
			attacks["swapped"] = swap(index)
		}
		for name, s := range attacks {
			t.Run(fmt.Sprintf("frame %d %s", index, name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newParties()
					p.welcome = bigWelcome()
					out := p.meetThrough(t.Context(), s)
					// A second last frame comes after a Welcome that is whole.
					whole := index == frames && name == "twice"
					if out.guestErr == nil || !whole && (out.hostErr == nil || len(p.stored) > 0) {
						t.Errorf("guest: %v; host: %v; stored %d times", out.guestErr, out.hostErr, len(p.stored))
					}
					p.checkConsistent(t, out)
					p.checkRetry(t, t.Context())
				})
			})
		}
	}
}

// Delays below the limits change nothing, longer ones end the exchange in time.
func TestRelayDelays(t *testing.T) {
	t.Parallel()
	delay := func(d time.Duration) script {
		return func(u unit) verdict {
			time.Sleep(d) // in a bubble: what the relay does, not a wait of the test
			return pass(u)
		}
	}
	for _, tc := range []struct {
		delay   time.Duration
		succeed bool
	}{{time.Second, true}, {3 * time.Second, false}, {time.Hour, false}} {
		t.Run(tc.delay.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newParties()
				start := time.Now()
				guestConn, hostConn, wait := relayed(delay(tc.delay), func() {})
				out := p.meet(t.Context(), guestConn, hostConn)
				if d := time.Since(start); d > ExchangeTimeout {
					t.Errorf("took %v", d)
				}
				wait()
				if succeeded := out.guestErr == nil && out.hostErr == nil; succeeded != tc.succeed {
					t.Errorf("guest: %v; host: %v; want success: %v", out.guestErr, out.hostErr, tc.succeed)
				}
				p.checkConsistent(t, out)
				p.checkRetry(t, t.Context())
			})
		})
	}
}

// Whatever else a relay comes up with: any sequence of edits on any units.
func TestRelayFollowsAnyScript(t *testing.T) {
	t.Parallel()
	names := []string{"pass", "drop", "hold", "cut", "flip", "hang up"}
	for name := range edits {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			moves := map[Side][]string{
				GuestSide: rapid.SliceOfN(rapid.SampledFrom(names), 3, 3).Draw(t, "guest's units"),
				HostSide:  rapid.SliceOfN(rapid.SampledFrom(names), 3, 3).Draw(t, "host's units"),
			}
			where := rapid.IntRange(0, 1<<16).Draw(t, "where")
			var heldGuest, heldHost []byte // each of one goroutine only
			p := newParties()
			out := p.meetThrough(t.Context(), func(u unit) verdict {
				h := &heldGuest
				if u.from == HostSide {
					h = &heldHost
				}
				if u.index >= len(moves[u.from]) {
					return pass(u)
				}
				v := pass(u)
				switch move := moves[u.from][u.index]; move {
				case "pass":
				case "drop":
					v = verdict{}
				case "hold":
					*h = u.data
					return verdict{}
				case "cut":
					v = verdict{forward: [][]byte{u.data[:where%len(u.data)]}}
				case "flip":
					data := bytes.Clone(u.data)
					data[where%len(data)] ^= byte(1 + where%255)
					v = verdict{forward: [][]byte{data}}
				case "hang up":
					v = verdict{hangUp: true}
				default:
					v = edits[move](u)
				}
				if *h != nil {
					v.forward = append(v.forward, *h)
					*h = nil
				}
				return v
			})
			p.checkConsistent(t, out)
			p.checkRetry(t, t.Context())
		})
	})
}

// Units of an earlier exchange under the same code, put in the place of this
// one's, are as good as noise: the keys of every exchange are fresh.
func TestRelayReplaysAnotherExchange(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, old transcript) {
		tampers(t, func(yield func(string, script) bool) {
			for index := range old[from] {
				replace := func(u unit) verdict {
					if u.from == from && u.index == index {
						return verdict{forward: [][]byte{old[from][index]}}
					}
					return pass(u)
				}
				if !yield(fmt.Sprintf("replaying unit %d", index), replace) {
					return
				}
			}
		})
	})
}

// Someone who has recorded a whole exchange and plays one side of it again does
// not even complete a handshake, on either side.
func TestReplayOfAWholeSide(t *testing.T) {
	t.Parallel()
	eachSide(t, func(t *testing.T, from Side, old transcript) {
		synctest.Test(t, func(t *testing.T) {
			conn, attacker := net.Pipe()
			go func() {
				defer attacker.Close()
				go func() { _, _ = io.Copy(io.Discard, attacker) }()
				for _, data := range old[from] {
					if _, err := attacker.Write(data); err != nil {
						return
					}
				}
			}()
			if _, err := Handshake(t.Context(), conn, samplePSK, from.other()); !errors.Is(err, ErrHandshake) {
				t.Errorf("the %s got %v, want ErrHandshake", from.other(), err)
			}
		})
	})
}

// A mirror in place of the other side proves nothing.
func TestReflection(t *testing.T) {
	t.Parallel()
	for _, side := range []Side{GuestSide, HostSide} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, mirror := net.Pipe()
				go func() {
					defer mirror.Close()
					_, _ = io.Copy(mirror, mirror)
				}()
				if _, err := Handshake(t.Context(), conn, samplePSK, side); err == nil {
					t.Error("the handshake succeeded")
				}
			})
		})
	}
}

// Two guests, or two hosts, that a relay connects to each other do not pair.
func TestSameSides(t *testing.T) {
	t.Parallel()
	for _, side := range []Side{GuestSide, HostSide} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				done := make(chan error, 1)
				go func() {
					_, err := Handshake(t.Context(), a, samplePSK, side)
					done <- err
				}()
				if _, err := Handshake(t.Context(), b, samplePSK, side); err == nil {
					t.Error("one side's handshake succeeded")
				}
				if err := <-done; err == nil {
					t.Error("the other side's handshake succeeded")
				}
			})
		})
	}
}

// Nothing that passes the relay shows what is exchanged, or is the same twice.
func TestRelaySeesNothing(t *testing.T) {
	t.Parallel()
	one, two := honestTranscript(t), honestTranscript(t)
	for _, from := range []Side{GuestSide, HostSide} {
		seen := bytes.Join(one[from], nil)
		for _, secret := range [][]byte{[]byte(guestID), []byte(hostID), []byte("laptop"), []byte("n7k2"),
			[]byte("shared"), []byte("192.0.2"), []byte("protocol"), samplePSK[:8]} {
			if bytes.Contains(seen, secret) {
				t.Errorf("the %s sends %q in clear", from, secret)
			}
		}
		for i := range one[from] {
			if bytes.Contains(bytes.Join(two[from], nil), one[from][i][lengthSize:]) {
				t.Errorf("unit %d of the %s is the same in two exchanges", i, from)
			}
		}
	}
}
