package pairing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzHandshake feeds either side's handshake what is not a counterpart's, at
// any length: it fails, and no more than what arrived is looked at.
func FuzzHandshake(f *testing.F) {
	v := loadVectors(f)
	f.Add([]byte{}, true)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), true)
	f.Add(bytes.Repeat([]byte{0}, handshakeSize+lengthSize+minFrame), false)
	f.Add(unhex(v.FromGuest.Handshake+v.FromGuest.Hello), true)
	f.Add(unhex(v.FromHost.Handshake+v.FromHost.Welcome), false)
	f.Fuzz(func(t *testing.T, data []byte, host bool) {
		side := GuestSide
		if host {
			side = HostSide
		}
		synctest.Test(t, func(t *testing.T) {
			conn, attacker := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, attacker) }()
			go func() {
				defer attacker.Close()
				_, _ = attacker.Write(data)
			}()
			ch, err := Handshake(context.Background(), conn, samplePSK, side)
			if err == nil || ch != nil {
				t.Fatal("the handshake succeeded")
			}
		})
	})
}

// FuzzReadFrame checks that frames are what was written, and nothing else.
func FuzzReadFrame(f *testing.F) {
	v := loadVectors(f)
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{0, 16})
	f.Add([]byte{0xff, 0xff, 1, 2, 3})
	f.Add(unhex(v.FromGuest.Hello + v.FromGuest.Ack))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		var again []byte
		for {
			before := r.Len()
			frame, err := readFrame(r)
			if err == io.EOF && before > 0 {
				t.Fatal("io.EOF in the middle of a frame")
			}
			if err != nil {
				if frame != nil {
					t.Fatal("a frame came with an error")
				}
				break
			}
			if len(frame) < minFrame || len(frame) > maxFrame {
				t.Fatalf("frame of %d bytes", len(frame))
			}
			again = append(again, byte(len(frame)>>8), byte(len(frame)))
			again = append(again, frame...)
		}
		if !bytes.HasPrefix(data, again) {
			t.Fatal("the frames are not what was written")
		}
	})
}

// FuzzReadMessage cuts data into frames of a size and reads a message from them.
// What it accepts is written back as the same message.
func FuzzReadMessage(f *testing.F) {
	v := loadVectors(f)
	f.Add(bytes.Join(frameTexts(messageHello, []byte(v.Hello)), nil), 100)
	f.Add(bytes.Join(frameTexts(messageWelcome, []byte(v.Welcome)), nil), 5)
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0}, 6)
	f.Add([]byte{2, 0, 0, 0, 0}, 5)
	f.Add([]byte{2, 0, 0, 0, 1}, 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 || size > maxFrameText {
			return
		}
		rest := data
		typ, body, err := readMessage(func() ([]byte, error) {
			if len(rest) == 0 {
				return nil, io.EOF
			}
			n := min(size, len(rest))
			text := bytes.Clone(rest[:n])
			rest = rest[n:]
			return text, nil
		}, func(typ messageType) (int, error) {
			if typ < messageHello || typ > messageError {
				return 0, invalid("%s", typ)
			}
			return typ.limit(), nil
		})
		if err != nil {
			if _, ok := errors.AsType[*invalidError](err); !ok && err != io.EOF && err != io.ErrUnexpectedEOF {
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
		if len(body) > typ.limit() {
			t.Fatalf("%s of %d bytes", typ, len(body))
		}
		read := data[:len(data)-len(rest)]
		if again := bytes.Join(frameTexts(typ, body), nil); !bytes.Equal(again, read) {
			t.Fatalf("read %x, which is written %x", read, again)
		}
	})
}

// checkHarmless fails if err is one that cannot be shown or logged.
func checkHarmless(t *testing.T, err error) {
	t.Helper()
	if len(err.Error()) > 4*maxErrorText+100 {
		t.Fatalf("error of %d bytes", len(err.Error()))
	}
	for _, r := range err.Error() {
		if !unicode.IsPrint(r) {
			t.Fatalf("error %q holds %U", err, r)
		}
	}
}

// sameAgain checks that what was decoded is encoded to something that decodes to
// the same, as it must when a daemon keeps it.
func sameAgain[T any](t *testing.T, v T, decode func([]byte) (T, error)) {
	t.Helper()
	body, err := encodeJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(body)
	if err != nil {
		t.Fatalf("%s does not decode: %v", body, err)
	}
	if diff := cmp.Diff(v, again, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("it changes on its way (-first +second):\n%s", diff)
	}
}

func FuzzDecodeHello(f *testing.F) {
	f.Add([]byte(loadVectors(f).Hello))
	f.Add([]byte(`{"protocol":2}`))
	f.Add([]byte(`{"protocol":1,"protocol":-1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := decodeHello(body)
		if err != nil {
			checkHarmless(t, err)
			return
		}
		if err := h.Device.Check(); err != nil || h.Protocol != Protocol {
			t.Fatalf("version %d, %v", h.Protocol, err)
		}
		sameAgain(t, h, decodeHello)
	})
}

func FuzzDecodeWelcome(f *testing.F) {
	hello := Hello{Protocol: Protocol, Device: sampleDevice}
	decode := func(body []byte) (Welcome, error) { return decodeWelcome(body, hello) }
	f.Add([]byte(loadVectors(f).Welcome))
	f.Add([]byte(`{"protocol":1,"devices":[{}],"folders":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w, err := decode(body)
		if err != nil {
			checkHarmless(t, err)
			return
		}
		if w.Guest.ID != guestID || w.Host == guestID || len(w.Devices) > MaxDevices || len(w.Folders) > MaxFolders {
			t.Fatalf("accepted %+v", w)
		}
		sameAgain(t, w, decode)
	})
}

func FuzzDecodeError(f *testing.F) {
	f.Add([]byte(loadVectors(f).Error))
	f.Add([]byte(`{"code":"state","message":"\u001b[31m\u202e"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeError(body)
		if err != nil {
			checkHarmless(t, err)
			return
		}
		checkHarmless(t, &RefusedError{Code: e.Code, Message: e.Message, Remote: true})
		sameAgain(t, e, decodeError)
	})
}

// FuzzCheckFolderName looks at the result from the other end: what is accepted
// is one path element that is neither hidden nor moves up.
func FuzzCheckFolderName(f *testing.F) {
	for _, name := range badFolderNames {
		f.Add(name)
	}
	f.Add("shared")
	f.Fuzz(func(t *testing.T, name string) {
		if checkFolderName(name) != nil {
			return
		}
		if name == "" || name[0] == '.' || bytes.ContainsAny([]byte(name), "/\\\x00:") {
			t.Fatalf("%q is taken for a folder name", name)
		}
		body, err := json.Marshal(name)
		if err != nil || len(body) < 3 {
			t.Fatalf("%q is written as %s, %v", name, body, err)
		}
	})
}
