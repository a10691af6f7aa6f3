package pairing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rogue is a counterpart that holds the code and breaks the rules.
type rogue struct {
	t  *testing.T
	ch *Channel
}

// say sends a message whatever it is.
func (r rogue) say(typ messageType, body string) {
	header := binary.BigEndian.AppendUint32([]byte{byte(typ)}, uint32(len(body)))
	r.frame(append(header, body...))
}

// frame sends one frame; what the other side makes of it shows elsewhere.
func (r rogue) frame(text []byte) {
	for len(text) > maxFrameText {
		r.frame(text[:maxFrameText])
		text = text[maxFrameText:]
	}
	frame, err := r.ch.send.Encrypt([]byte{0, 0}, nil, text)
	if err != nil {
		r.t.Error(err)
	}
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-lengthSize))
	_, _ = r.ch.conn.Write(frame)
}

// hear reads a message, which may be a refusal or the end.
func (r rogue) hear(want messageType) error {
	_, err := r.ch.read(r.t.Context(), want)
	return err
}

// facing runs honest on one end of a connection and gives the other to a rogue
// of the given side, in a bubble with its own time.
func facing(t *testing.T, side Side, act func(r rogue), honest func(ch *Channel, err error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mine, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			honest(Handshake(t.Context(), theirs, samplePSK, side.other()))
		}()
		ch := &Channel{conn: mine, side: side}
		if side == GuestSide {
			var err error
			if ch, err = Handshake(t.Context(), mine, samplePSK, side); err != nil {
				t.Fatal(err)
			}
		} else if err := shakeHandsAsRogueHost(ch); err != nil {
			t.Fatal(err)
		}
		act(rogue{t, ch})
		mine.Close()
		<-done
	})
}

// shakeHandsAsRogueHost completes the handshake without waiting for Hello.
func shakeHandsAsRogueHost(ch *Channel) error {
	return ch.shakeHands(samplePSK, nil)
}

const validAck = `{}`

func helloWith(t *testing.T, changes map[string]any) string {
	return spoilt(t, Hello{Protocol: Protocol, Device: sampleDevice}, changes)
}

func welcomeWith(t *testing.T, changes map[string]any) string {
	w := sampleWelcome
	w.Protocol = Protocol
	return spoilt(t, w, changes)
}

// spoilt returns the JSON of message with fields replaced; a key "a.b" is field
// b of object a.
func spoilt(t *testing.T, message any, changes map[string]any) string {
	t.Helper()
	body, err := encodeJSON(message)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	for path, value := range changes {
		object := fields
		outer, inner, nested := strings.Cut(path, ".")
		if nested {
			object, outer = fields[outer].(map[string]any), inner
		}
		object[outer] = value
	}
	body, err = encodeJSON(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func repeated(v any, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// badDevices are changes that make a device one that nobody takes.
var badDevices = map[string]map[string]any{
	"no ID":               {"id": ""},
	"lower case ID":       {"id": strings.ToLower(guestID)},
	"seven groups":        {"id": guestID[:55]},
	"long ID":             {"id": guestID + "A"},
	"ID with line feed":   {"id": guestID + "\n"},
	"ID of number":        {"id": 7},
	"no name":             {"name": ""},
	"long name":           {"name": strings.Repeat("ä", MaxName+1)},
	"escape in name":      {"name": "a\x1b[2Jb"},
	"line feed in name":   {"name": "a\nb"},
	"direction in name":   {"name": "a\u202eb"},
	"isolate in name":     {"name": "a\u2066b"},
	"zero width in name":  {"name": "a\u200bb"},
	"space before name":   {"name": " a"},
	"role of two words":   {"role": "agent human"},
	"long role":           {"role": strings.Repeat("a", MaxRole+1)},
	"address of nothing":  {"addresses": []string{""}},
	"address of a path":   {"addresses": []string{"/etc/passwd"}},
	"address with space":  {"addresses": []string{"tcp://a b:1"}},
	"address with escape": {"addresses": []string{"tcp://a\x1b:1"}},
	"address with user":   {"addresses": []string{"tcp://a@b:1"}},
	"long address":        {"addresses": []string{"tcp://" + strings.Repeat("a", MaxAddress)}},
	"33 addresses":        {"addresses": repeated("tcp://192.0.2.1:22000", MaxAddresses+1)},
	"addresses no list":   {"addresses": "dynamic"},
}

// A guest that holds the code and sends nonsense is told so; it changes nothing.
func TestHostileGuest(t *testing.T) {
	t.Parallel()
	hello := func(r rogue) { r.say(messageHello, helloWith(r.t, nil)) }
	acts := map[string]func(r rogue){
		"ack first":          func(r rogue) { r.say(messageAck, validAck) },
		"welcome to a host":  func(r rogue) { r.say(messageWelcome, welcomeWith(r.t, nil)) },
		"unknown type":       func(r rogue) { r.say(99, "{}") },
		"type zero":          func(r rogue) { r.say(0, "{}") },
		"header cut":         func(r rogue) { r.frame([]byte{1, 0, 0, 0}) },
		"4 GiB announced":    func(r rogue) { r.frame([]byte{1, 0xff, 0xff, 0xff, 0xff, '{'}) },
		"1 GiB announced":    func(r rogue) { r.frame([]byte{1, 0x40, 0, 0, 0, '{'}) },
		"over its limit":     func(r rogue) { r.frame([]byte{1, 0, 1, 0, 1, '{'}) },
		"longer than said":   func(r rogue) { r.frame([]byte{1, 0, 0, 0, 2, '{', '}', '{'}) },
		"empty body":         func(r rogue) { r.say(messageHello, "") },
		"null":               func(r rogue) { r.say(messageHello, "null") },
		"list":               func(r rogue) { r.say(messageHello, "[]") },
		"not JSON":           func(r rogue) { r.say(messageHello, `{"protocol":1,`) },
		"two objects":        func(r rogue) { r.say(messageHello, helloWith(r.t, nil)+"{}") },
		"not UTF-8":          func(r rogue) { r.say(messageHello, `{"protocol":1,"x":"`+"\xff"+`"}`) },
		"deep":               func(r rogue) { r.say(messageHello, `{"x":`+strings.Repeat("[", 60000)+"}") },
		"no version":         func(r rogue) { r.say(messageHello, helloWith(r.t, map[string]any{"protocol": 0})) },
		"version of letters": func(r rogue) { r.say(messageHello, helloWith(r.t, map[string]any{"protocol": "1"})) },
		"huge version":       func(r rogue) { r.say(messageHello, `{"protocol":1e99}`) },
		"two hellos":         func(r rogue) { hello(r); _ = r.hear(messageWelcome); hello(r) },
		"ack of a list":      func(r rogue) { hello(r); _ = r.hear(messageWelcome); r.say(messageAck, "[]") },
		"long ack": func(r rogue) {
			hello(r)
			_ = r.hear(messageWelcome)
			r.frame([]byte{byte(messageAck), 0, 0, 0xff, 0xff, '{', '}'})
		},
	}
	for name, changes := range badDevices {
		acts["device with "+name] = func(r rogue) {
			nested := make(map[string]any)
			for k, v := range changes {
				nested["device."+k] = v
			}
			r.say(messageHello, helloWith(r.t, nested))
		}
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParties()
			facing(t, GuestSide, func(r rogue) {
				act(r)
				refused, ok := errors.AsType[*RefusedError](r.hear(messageDone))
				if !ok || refused.Code != CodeInvalid {
					t.Errorf("the guest was told %v, want a refusal with code invalid", refused)
				}
			}, func(ch *Channel, err error) {
				if err == nil {
					err = p.host().Run(context.Background(), ch)
				}
				if _, ok := errors.AsType[*invalidError](err); !ok {
					t.Errorf("the host got %v, want an invalid message", err)
				}
			})
			if len(p.accepted) > 0 {
				t.Error("the host accepted")
			}
			p.checkRetry(t, t.Context())
		})
	}
}

// A host that holds the code and sends nonsense gets nothing stored.
func TestHostileHost(t *testing.T) {
	t.Parallel()
	record := func(changes map[string]any) map[string]any {
		var fields map[string]any
		body, _ := encodeJSON(sampleWelcome.Devices[0])
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatal(err)
		}
		maps.Copy(fields, changes)
		return fields
	}
	folder := func(id, name string) map[string]any { return map[string]any{"id": id, "name": name} }
	changes := map[string]map[string]any{
		"no network":              {"network.id": ""},
		"network with a slash":    {"network.id": "a/b"},
		"long network":            {"network.id": strings.Repeat("a", MaxToken+1)},
		"65 folders":              {"folders": repeated(folder("a", "a"), MaxFolders+1)},
		"same folder twice":       {"folders": []any{folder("a", "a"), folder("a", "b")}},
		"same name twice":         {"folders": []any{folder("a", "shared"), folder("b", "Shared")}},
		"folder without ID":       {"folders": []any{folder("", "a")}},
		"no devices":              {"devices": nil},
		"host missing":            {"host": deviceIDOf('X')},
		"same device twice":       {"devices": repeated(record(nil), 2)},
		"1001 devices":            {"devices": repeated(record(nil), MaxDevices+1)},
		"devices no list":         {"devices": map[string]any{}},
		"another guest":           {"guest": record(map[string]any{"id": deviceIDOf('X')})},
		"guest is host":           {"guest": record(nil)},
		"added by nobody":         {"devices": []any{record(map[string]any{"added_by": ""})}},
		"never added":             {"devices": []any{record(map[string]any{"added_at": "0001-01-01T00:00:00Z"})}},
		"added at no time":        {"devices": []any{record(map[string]any{"added_at": "yesterday"})}},
		"added at a long time":    {"devices": []any{record(map[string]any{"added_at": strings.Repeat("9", 500_000)})}},
		"guest without a version": {"protocol": 0},
	}
	for _, name := range badFolderNames {
		changes[fmt.Sprintf("folder %q", name)] = map[string]any{"folders": []any{folder("a", name)}}
	}
	for name, c := range badDevices {
		changes["device with "+name] = map[string]any{"devices": []any{record(nil), record(c)}}
		changes["guest with "+name] = map[string]any{"guest": record(c)}
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParties()
			facing(t, HostSide, func(r rogue) {
				_ = r.hear(messageHello)
				r.say(messageWelcome, welcomeWith(t, c))
				refused, ok := errors.AsType[*RefusedError](r.hear(messageAck))
				if !ok || refused.Code != CodeInvalid {
					t.Errorf("the host was told %v, want a refusal with code invalid", refused)
				}
			}, func(ch *Channel, err error) {
				if err == nil {
					_, err = p.guest().Run(context.Background(), ch)
				}
				if _, ok := errors.AsType[*invalidError](err); !ok {
					t.Errorf("the guest got %v, want an invalid message", err)
				}
				if len(err.Error()) > 500 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
			})
			if len(p.stored) > 0 {
				t.Error("the guest stored it")
			}
		})
	}
}

// What later versions may add is ignored: fields, and roles, schemes, codes.
func TestLaterFieldsAreIgnored(t *testing.T) {
	t.Parallel()
	body := helloWith(t, map[string]any{"news": map[string]any{"a": []int{1}}, "device.news": repeated("x", 2000), "device.role": "robot"})
	if h, err := decodeHello([]byte(body)); err != nil || h.Device.Role != "robot" {
		t.Errorf("got %v and %v", h, err)
	}
	if err := decodeEmpty([]byte(`{"news":1}`)); err != nil {
		t.Error(err)
	}
	if e, err := decodeError([]byte(`{"code":"new_one","message":"m","protocol":1,"news":1}`)); err != nil || e.Code != "new_one" {
		t.Errorf("got %v and %v", e, err)
	}
}

// dribble sends one byte at a time until the connection ends.
func dribble(conn net.Conn, pause time.Duration, data []byte) {
	for _, b := range data {
		time.Sleep(pause) // in a bubble: the behaviour of the attacker
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
	}
}

// Whoever is slow without proving the code is gone after HandshakeTimeout.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	for _, side := range []Side{GuestSide, HostSide} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, attacker := net.Pipe()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() { _, _ = io.Copy(io.Discard, attacker) })
				wg.Go(func() { dribble(attacker, time.Second, make([]byte, 1000)) })
				start := time.Now()
				_, err := Handshake(t.Context(), conn, samplePSK, side)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != HandshakeTimeout {
					t.Errorf("got %v after %v, want a timeout after %v", err, time.Since(start), HandshakeTimeout)
				}
			})
		})
	}
}

// A guest that holds the code and is slow is gone after ExchangeTimeout, and so
// is one that does not read what it asked for.
func TestSlowExchange(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(r rogue){
		"never acknowledges": func(r rogue) {
			r.say(messageHello, helloWith(r.t, nil))
			_ = r.hear(messageWelcome)
			_ = r.hear(messageDone)
		},
		"never reads": func(r rogue) {
			r.say(messageHello, helloWith(r.t, nil))
			time.Sleep(time.Hour) // in a bubble: the behaviour of the attacker
		},
		"small frames": func(r rogue) {
			r.frame([]byte{1, 0, 0, 0xff, 0xff})
			for range 40 {
				time.Sleep(time.Second)
				r.frame([]byte{' '})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParties()
			facing(t, GuestSide, act, func(ch *Channel, err error) {
				start := time.Now()
				if err == nil {
					err = p.host().Run(context.Background(), ch)
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != ExchangeTimeout {
					t.Errorf("got %v after %v, want a timeout after %v", err, time.Since(start), ExchangeTimeout)
				}
			})
			p.checkRetry(t, t.Context())
		})
	}
}

// A host that says nothing after Ack leaves the guest uncertain, soon.
func TestSilenceAfterAck(t *testing.T) {
	t.Parallel()
	p := newParties()
	facing(t, HostSide, func(r rogue) {
		_ = r.hear(messageHello)
		r.say(messageWelcome, welcomeWith(t, nil))
		_ = r.hear(messageAck)
		_ = r.hear(messageHello) // waits for the end
	}, func(ch *Channel, err error) {
		start := time.Now()
		if err == nil {
			_, err = p.guest().Run(context.Background(), ch)
		}
		uncertain, ok := errors.AsType[*UncertainError](err)
		if !ok || !errors.Is(uncertain, context.DeadlineExceeded) || time.Since(start) != ConfirmTimeout {
			t.Errorf("got %v after %v, want an UncertainError after %v", err, time.Since(start), ConfirmTimeout)
		}
	})
}

// allocated returns how many bytes f makes the program allocate: the least of
// some runs, since the runtime's own work (a collection that starts, a timer) only
// adds. It is used in tests that are not parallel, so that no other test is counted.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// What arrives decides how much memory is used, not what is claimed.
func TestMemoryOfClaims(t *testing.T) {
	emptyElements := func(field string) []byte {
		head := `{"protocol":1,"` + field + `":[`
		return []byte(head + strings.Repeat("{},", (MaxMessage-len(head)-4)/3) + "{}]}")
	}
	for _, tc := range []struct {
		name  string
		limit uint64
		f     func() error
	}{
		{"frame of 65535 bytes, of which 10 come", 4 << 10, func() error {
			_, err := readFrame(strings.NewReader("\xff\xff0123456789"))
			return err
		}},
		{"message of 1 MiB, of which 10 bytes come", 4 << 10, func() error {
			texts := [][]byte{{byte(messageWelcome), 0, 0x10, 0, 0}, []byte("0123456789")}
			_, _, err := readMessage(func() ([]byte, error) {
				if len(texts) == 0 {
					return nil, io.EOF
				}
				text := texts[0]
				texts = texts[1:]
				return text, nil
			}, func(messageType) (int, error) { return MaxMessage, nil })
			return err
		}},
		{"350,000 empty devices", 8 << 20, func() error {
			_, err := decodeWelcome(emptyElements("devices"), Hello{})
			return err
		}},
		{"350,000 empty folders", 8 << 20, func() error {
			_, err := decodeWelcome(emptyElements("folders"), Hello{})
			return err
		}},
		{"350,000 elements of an unknown field", 8 << 20, func() error {
			_, err := decodeWelcome(emptyElements("news"), Hello{})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if n := allocated(func() {
				if tc.f() == nil {
					t.Error("no error")
				}
			}); n > tc.limit {
				t.Errorf("allocated %d bytes, want at most %d", n, tc.limit)
			}
		})
	}
}

// Garbage on real connections, many at once, while an honest pair meets.
func TestGarbageAroundAnHonestPair(t *testing.T) {
	t.Parallel()
	garbage := []string{"", "\x00", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("\xff", 1<<16), "\x16\x03\x01\x02\x00\x01\x00"}
	for i := range 4 * len(garbage) {
		guestConn, hostConn := tcpPair(t)
		t.Run(fmt.Sprint("garbage ", i), func(t *testing.T) {
			t.Parallel()
			go func() {
				_, _ = io.WriteString(guestConn, garbage[i%len(garbage)])
				guestConn.Close()
			}()
			if _, err := Handshake(t.Context(), hostConn, samplePSK, HostSide); err == nil {
				t.Error("the handshake succeeded")
			}
		})
	}
	t.Run("honest", func(t *testing.T) {
		t.Parallel()
		p := newParties()
		guestConn, hostConn := tcpPair(t)
		if out := p.meet(t.Context(), guestConn, hostConn); out.guestErr != nil || out.hostErr != nil {
			t.Errorf("guest: %v; host: %v", out.guestErr, out.hostErr)
		}
	})
}
