package watch

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

func rawEvent(wd int32, mask, cookie uint32, name string, length uint32) []byte {
	var out []byte
	for _, v := range []uint32{uint32(wd), mask, cookie, length} {
		out = binary.NativeEndian.AppendUint32(out, v)
	}
	return append(out, name...)
}

func TestNextEvent(t *testing.T) {
	t.Parallel()
	data := append(rawEvent(1, unix.IN_CREATE|unix.IN_ISDIR, 7, "name\x00\x00\x00\x00", 8), rawEvent(-1, unix.IN_Q_OVERFLOW, 0, "", 0)...)
	ev, rest, ok := nextEvent(data)
	if !ok || ev != (event{1, unix.IN_CREATE | unix.IN_ISDIR, 7, "name"}) {
		t.Errorf("first is %+v, %v", ev, ok)
	}
	ev, rest, ok = nextEvent(rest)
	if !ok || ev.wd != -1 || !ev.is(unix.IN_Q_OVERFLOW) || ev.name != "" {
		t.Errorf("second is %+v, %v", ev, ok)
	}
	if _, _, ok = nextEvent(rest); ok {
		t.Error("there is a third")
	}
}

// The kernel's bytes are read without leaving what was given.
func FuzzNextEvent(f *testing.F) {
	f.Add(rawEvent(1, unix.IN_MODIFY, 0, "name\x00\x00\x00\x00", 8))
	f.Add(rawEvent(1, unix.IN_MODIFY, 0, "cut", 1<<31))
	f.Fuzz(func(t *testing.T, data []byte) {
		for left := data; ; {
			ev, rest, ok := nextEvent(left)
			if !ok {
				return
			}
			if len(rest) >= len(left) || !bytes.Contains(left, []byte(ev.name)) {
				t.Fatal("an event that is not there")
			}
			left = rest
		}
	})
}
