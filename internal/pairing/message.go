package pairing

import (
	"errors"
	"fmt"
)

// messageType is the first byte of a message. An unknown type is an error: what
// a later version may leave out, it must put in fields of known messages.
type messageType byte

const (
	messageHello messageType = iota + 1
	messageWelcome
	messageAck
	messageDone
	messageError
)

func (t messageType) String() string {
	switch t {
	case messageHello:
		return "Hello"
	case messageWelcome:
		return "Welcome"
	case messageAck:
		return "Ack"
	case messageDone:
		return "Done"
	case messageError:
		return "Error"
	default:
		return fmt.Sprintf("message type %d", byte(t))
	}
}

// limit returns the longest body of the type, in bytes.
func (t messageType) limit() int {
	switch t {
	case messageHello:
		return maxHello
	case messageWelcome:
		return MaxMessage
	default:
		return maxSmall
	}
}

// Hello is the guest's first message.
type Hello struct {
	Protocol int    `json:"protocol"`
	Device   Device `json:"device"`
}

// Welcome is the host's answer: all that the guest needs to be a device of the
// network.
type Welcome struct {
	Protocol int     `json:"protocol"`
	Network  Network `json:"network"`
	Folders  Folders `json:"folders"`
	// Devices are the devices of the network, the host among them. The guest is
	// there only if it was a device of the network before.
	Devices Records `json:"devices"`
	// Host is the host's device ID.
	Host string `json:"host"`
	// Addresses are where the host listens now. Its record says where it did when
	// it was added: before its router gave it a port, and before it moved.
	Addresses Addresses `json:"addresses,omitempty"`
	// Guest is the guest's record as the host will store it. The name may differ
	// from the one in Hello.
	Guest Record `json:"guest"`
	// Servers are those by which the devices of the network find and reach each
	// other, where they are not Syncthing's public ones.
	Servers *Servers `json:"servers,omitempty"`
}

// empty is the body of Ack and Done.
type empty struct{}

// errorMessage is the body of Error, which either side may send instead of what
// it should.
type errorMessage struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Protocol int    `json:"protocol"` // the version that the sender speaks
}

// encode returns the body of a message.
func encode(typ messageType, message any) ([]byte, error) {
	body, err := encodeJSON(message)
	if err != nil {
		return nil, err
	}
	if max := typ.limit(); len(body) > max {
		return nil, fmt.Errorf("%d bytes, at most %d", len(body), max)
	}
	return body, nil
}

// decodeHello reads and checks what a guest on another machine wrote.
func decodeHello(body []byte) (Hello, error) {
	var h Hello
	if err := decodeVersion(body, HostSide); err != nil {
		return h, err
	}
	if err := decodeJSON(body, &h); err != nil {
		return Hello{}, err
	}
	if err := h.check(); err != nil {
		return Hello{}, &invalidError{err: err}
	}
	return h, nil
}

// decodeWelcome reads and checks what a host wrote in answer to hello.
func decodeWelcome(body []byte, hello Hello) (Welcome, error) {
	var w Welcome
	if err := decodeVersion(body, GuestSide); err != nil {
		return w, err
	}
	if err := decodeJSON(body, &w); err != nil {
		return Welcome{}, err
	}
	if err := w.check(hello); err != nil {
		return Welcome{}, &invalidError{err: err}
	}
	return w, nil
}

// decodeVersion looks at nothing but the version, which must be readable
// whatever else another version changes.
func decodeVersion(body []byte, side Side) error {
	var v struct {
		Protocol int `json:"protocol"`
	}
	if err := decodeJSON(body, &v); err != nil {
		return err
	}
	if v.Protocol < 1 {
		return invalid("protocol version %d", v.Protocol)
	}
	if v.Protocol != Protocol {
		return &ProtocolError{Side: side, Ours: Protocol, Theirs: v.Protocol}
	}
	return nil
}

// decodeEmpty reads an Ack or a Done, in which later versions may put fields.
func decodeEmpty(body []byte) error { return decodeJSON(body, &empty{}) }

// decodeError reads a refusal. Its message is made harmless rather than refused:
// there is nobody left to complain to.
func decodeError(body []byte) (errorMessage, error) {
	var e errorMessage
	if err := decodeJSON(body, &e); err != nil {
		return errorMessage{}, err
	}
	if err := checkToken(e.Code); err != nil {
		return errorMessage{}, invalid("code: %w", err)
	}
	e.Message = oneLine(e.Message)
	return e, nil
}

// refusalFor returns what the other side is told about cause. There is nothing
// to tell if the channel itself failed or the other side refused first.
func refusalFor(cause error) (errorMessage, bool) {
	e := errorMessage{Protocol: Protocol}
	if refused, ok := errors.AsType[*RefusedError](cause); ok {
		e.Code, e.Message = refused.Code, oneLine(refused.Message)
		if checkToken(e.Code) != nil {
			e.Code = CodeInternal
		}
		return e, !refused.Remote
	}
	if version, ok := errors.AsType[*ProtocolError](cause); ok {
		e.Code = CodeProtocol
		e.Message = fmt.Sprintf("this %s speaks pairing protocol %d, not %d", version.Side, version.Ours, version.Theirs)
		return e, true
	}
	if broken, ok := errors.AsType[*invalidError](cause); ok {
		e.Code, e.Message = CodeInvalid, broken.Error()
		return e, true
	}
	if _, ok := errors.AsType[*internalError](cause); ok {
		e.Code, e.Message = CodeInternal, "it could not be done; the log there says why"
		return e, true
	}
	return e, false
}
