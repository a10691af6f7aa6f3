package pairing

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/blake2s"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"
)

// reference is a second implementation of the channel, written from
// docs/pairing.md and the Noise specification (revision 34) with nothing but the
// primitives. What it and the package agree on is not an accident of a library.
type reference struct {
	conn      net.Conn
	key       []byte // k
	chain     []byte // ck
	hash      []byte // h
	ephemeral []byte // private
	send      referenceCipher
	receive   referenceCipher
}

type referenceCipher struct {
	key   []byte
	nonce uint64
}

func newBlake2s() hash.Hash {
	h, err := blake2s.New256(nil)
	if err != nil {
		panic(err)
	}
	return h
}

func sum(parts ...[]byte) []byte {
	h := newBlake2s()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// expand is HKDF of the Noise specification, section 4.3: n outputs.
func expand(chain, input []byte, n int) [][]byte {
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(newBlake2s, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	temp := mac(chain, input)
	var outputs [][]byte
	var last []byte
	for i := range n {
		last = mac(temp, last, []byte{byte(i + 1)})
		outputs = append(outputs, last)
	}
	return outputs
}

func crypt(seal bool, key []byte, nonce uint64, additional, text []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.AppendUint64(make([]byte, 4), nonce)
	if seal {
		return aead.Seal(nil, n, text, additional), nil
	}
	return aead.Open(nil, n, text, additional)
}

func (c *referenceCipher) crypt(seal bool, text []byte) ([]byte, error) {
	out, err := crypt(seal, c.key, c.nonce, nil, text)
	c.nonce++
	return out, err
}

// newReference begins as a guest: Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s.
func newReference(conn net.Conn, psk PSK, ephemeral []byte) *reference {
	name := []byte("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s") // 37 bytes, over the 32 of a hash
	r := &reference{conn: conn, hash: sum(name), chain: sum(name), ephemeral: ephemeral}
	r.hash = sum(r.hash, []byte("botsync/pair/1"))
	out := expand(r.chain, psk[:], 3) // token psk
	r.chain, r.hash, r.key = out[0], sum(r.hash, out[1]), out[2]
	return r
}

func (r *reference) mixKey(input []byte) {
	out := expand(r.chain, input, 2)
	r.chain, r.key = out[0], out[1]
}

func (r *reference) mixPublic(public []byte) {
	r.hash = sum(r.hash, public)
	r.mixKey(public) // because of the psk
}

func (r *reference) shakeHands() error {
	public, err := curve25519.X25519(r.ephemeral, curve25519.Basepoint)
	if err != nil {
		return err
	}
	r.mixPublic(public) // token e
	tag, err := crypt(true, r.key, 0, r.hash, nil)
	if err != nil {
		return err
	}
	r.hash = sum(r.hash, tag)
	if _, err := r.conn.Write(append(public, tag...)); err != nil {
		return err
	}
	answer := make([]byte, 48)
	if _, err := io.ReadFull(r.conn, answer); err != nil {
		return err
	}
	r.mixPublic(answer[:32])                                   // token e
	shared, err := curve25519.X25519(r.ephemeral, answer[:32]) // token ee
	if err != nil {
		return err
	}
	r.mixKey(shared)
	if _, err := crypt(false, r.key, 0, r.hash, answer[32:]); err != nil {
		return err
	}
	out := expand(r.chain, nil, 2)
	r.send, r.receive = referenceCipher{key: out[0]}, referenceCipher{key: out[1]}
	return nil
}

func (r *reference) say(typ byte, body string) error {
	text := append(binary.BigEndian.AppendUint32([]byte{typ}, uint32(len(body))), body...)
	frame, err := r.send.crypt(true, text)
	if err != nil {
		return err
	}
	_, err = r.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(frame))), frame...))
	return err
}

func (r *reference) hear(want byte) (string, error) {
	length := make([]byte, 2)
	if _, err := io.ReadFull(r.conn, length); err != nil {
		return "", err
	}
	frame := make([]byte, binary.BigEndian.Uint16(length))
	if _, err := io.ReadFull(r.conn, frame); err != nil {
		return "", err
	}
	text, err := r.receive.crypt(false, frame)
	if err != nil {
		return "", err
	}
	if text[0] != want || int(binary.BigEndian.Uint32(text[1:])) != len(text)-5 {
		return "", errors.New("another message")
	}
	return string(text[5:]), nil
}

// pair is the guest's part of the exchange. It returns the Welcome's body.
func (r *reference) pair(hello string) (string, error) {
	if err := r.shakeHands(); err != nil {
		return "", err
	}
	if err := r.say(1, hello); err != nil {
		return "", err
	}
	welcome, err := r.hear(2)
	if err != nil {
		return "", err
	}
	if err := r.say(3, "{}"); err != nil {
		return "", err
	}
	_, err = r.hear(4)
	return welcome, err
}

// A guest written from the documentation pairs with a host of this package.
func TestReferenceGuestPairs(t *testing.T) {
	t.Parallel()
	p := newParties()
	guestConn, hostConn := net.Pipe()
	hostDone := make(chan error, 1)
	go func() {
		ch, err := Handshake(t.Context(), hostConn, p.psk, HostSide)
		if err == nil {
			err = p.host().Run(t.Context(), ch)
		}
		hostDone <- err
	}()
	v := loadVectors(t)
	welcome, err := newReference(guestConn, p.psk, v.guestEphemeral()).pair(v.Hello)
	if err != nil {
		t.Error(err)
	}
	if welcome != v.Welcome {
		t.Errorf("got the Welcome %s, want %s", welcome, v.Welcome)
	}
	guestConn.Close()
	if err := <-hostDone; err != nil {
		t.Error(err)
	}
	if len(p.accepted) != 1 {
		t.Error("the host did not accept")
	}
}
