package watch

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// mask is what is asked of every directory. IN_MODIFY, which comes for every
// write, only tells that a file is open and grows.
const mask = unix.IN_CLOSE_WRITE | unix.IN_MODIFY | unix.IN_ATTRIB |
	unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// event is one struct inotify_event, see inotify(7).
type event struct {
	wd     int32
	mask   uint32
	cookie uint32
	name   string // of an entry of the directory; empty for the directory itself
}

func (e event) is(bits uint32) bool { return e.mask&bits != 0 }

// nextEvent splits the first event off what was read; false if there is none, or
// not all of it.
func nextEvent(data []byte) (e event, rest []byte, ok bool) {
	if len(data) < unix.SizeofInotifyEvent {
		return e, nil, false
	}
	length := binary.NativeEndian.Uint32(data[12:])
	if uint64(length) > uint64(len(data)-unix.SizeofInotifyEvent) {
		return e, nil, false
	}
	e.wd = int32(binary.NativeEndian.Uint32(data))
	e.mask = binary.NativeEndian.Uint32(data[4:])
	e.cookie = binary.NativeEndian.Uint32(data[8:])
	name, rest := data[unix.SizeofInotifyEvent:][:length], data[unix.SizeofInotifyEvent+length:]
	name, _, _ = bytes.Cut(name, []byte{0}) // padded with zeros
	e.name = string(name)
	return e, rest, true
}
