package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// sieve hands on the lines of a client that are messages, and answers the others
// itself with an error (JSON-RPC 2.0, 5.1): to the library one of those would be
// the end of the session, and of every call under way.
type sieve struct {
	in   io.ReadCloser
	buf  *bufio.Reader
	out  io.Writer
	left []byte // of the line that is handed on
}

// newSieve reads in. out must take each Write whole, from several goroutines.
func newSieve(in io.ReadCloser, out io.Writer) *sieve {
	return &sieve{in: in, buf: bufio.NewReader(in), out: out}
}

// Read never hands on more than the rest of one line.
func (s *sieve) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		line, err := s.line()
		if wrong, ok := errors.AsType[*jsonrpc.Error](err); ok {
			if err := s.refuse(line, wrong); err != nil {
				return 0, err
			}
		} else if err != nil {
			return 0, err
		} else if len(line) > 0 {
			s.left = append(line, '\n')
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// Close closes what is read.
func (s *sieve) Close() error { return s.in.Close() }

// line reads a line, also a last one without an end, and drops the space around
// it. The error is a *jsonrpc.Error for one that is no message.
func (s *sieve) line() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := s.buf.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxMessage; !long {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0 && !long) {
			return nil, err
		}
		break
	}
	if long {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: fmt.Sprintf("a message has more than %d bytes", maxMessage)}
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return nil, nil
	}
	return line, checkMessage(line)
}

// checkMessage refuses what the library would not read.
func checkMessage(line []byte) error {
	if !json.Valid(line) {
		return &jsonrpc.Error{Code: jsonrpc.CodeParseError, Message: "a line is not JSON"}
	}
	parts, batch := []json.RawMessage{line}, line[0] == '['
	if batch {
		// A RawMessage that is there already would be written over, and with it line.
		parts = nil
		if err := json.Unmarshal(line, &parts); err != nil {
			return &jsonrpc.Error{Code: jsonrpc.CodeParseError, Message: "a line is not JSON"}
		}
	}
	if len(parts) == 0 {
		return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "an empty batch"}
	}
	ids := map[any]bool{}
	for _, part := range parts {
		msg, err := jsonrpc.DecodeMessage(part)
		if err != nil {
			return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "a line is not a message of JSON-RPC 2.0"}
		}
		if req, ok := msg.(*jsonrpc.Request); batch && (!ok || !req.IsCall() || ids[req.ID.Raw()]) {
			return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "a batch can hold requests alone, with an ID each"}
		} else if batch {
			ids[req.ID.Raw()] = true
		}
	}
	return nil
}

func (s *sieve) refuse(line []byte, wrong *jsonrpc.Error) error {
	var of struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(line, &of) != nil || len(of.ID) == 0 || of.ID[0] == '{' || of.ID[0] == '[' {
		of.ID = json.RawMessage("null")
	}
	data, err := json.Marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *jsonrpc.Error  `json:"error"`
	}{"2.0", of.ID, wrong})
	if err == nil {
		_, err = s.out.Write(append(data, '\n'))
	}
	return err
}

// shared lets several goroutines write, one at a time. Its Close does nothing:
// what comes last may still be under way.
type shared struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *shared) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

func (*shared) Close() error { return nil }
