package pairing

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// Sizes of frames, each of which is one Noise transport message.
const (
	tagSize      = 16          // the authentication tag at the end of a frame
	maxFrame     = 65535       // bytes after the length, the maximum of Noise
	minFrame     = tagSize + 1 // frames carry at least one byte
	maxFrameText = maxFrame - tagSize
	lengthSize   = 2 // of a frame
	headerSize   = 5 // of a message: type and length
)

// readFrame reads one frame and returns it without its length, still encrypted.
// Memory grows with the bytes that arrive, not with the length that is claimed.
// It returns io.EOF only if r ends between frames.
func readFrame(r io.Reader) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint16(length[:]))
	if n < minFrame {
		return nil, ErrHandshake // nobody who holds the key sends an empty frame
	}
	var frame bytes.Buffer
	if _, err := io.CopyN(&frame, r, n); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return frame.Bytes(), nil
}

// frameTexts returns the plaintexts of the frames of one message, in order.
func frameTexts(typ messageType, body []byte) [][]byte {
	message := make([]byte, headerSize, headerSize+len(body))
	message[0] = byte(typ)
	binary.BigEndian.PutUint32(message[1:], uint32(len(body)))
	message = append(message, body...)
	return slices.Collect(slices.Chunk(message, maxFrameText))
}

// readMessage assembles a message from the plaintexts that next returns. limit
// returns the longest body that a type may have, or an error if the type is not
// expected; it is asked before anything is kept, and the body grows only as
// plaintexts arrive. A message fills its frames: the next begins a new one.
func readMessage(next func() ([]byte, error), limit func(messageType) (int, error)) (messageType, []byte, error) {
	text, err := next()
	if err != nil {
		return 0, nil, err
	}
	if len(text) < headerSize {
		return 0, nil, invalid("header of %d bytes, want %d", len(text), headerSize)
	}
	typ, length := messageType(text[0]), uint64(binary.BigEndian.Uint32(text[1:]))
	max, err := limit(typ)
	if err != nil {
		return 0, nil, err
	}
	if length > uint64(max) {
		return 0, nil, invalid("%s of %d bytes, at most %d", typ, length, max)
	}
	body := text[headerSize:]
	for uint64(len(body)) < length {
		text, err := next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, nil, err
		}
		body = append(body, text...)
	}
	if uint64(len(body)) > length {
		return 0, nil, invalid("%s is longer than the %d bytes it announced", typ, length)
	}
	return typ, body, nil
}
