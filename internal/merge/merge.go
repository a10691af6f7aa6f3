package merge

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Input is one version of a file. It must not change meanwhile.
type Input struct {
	io.ReaderAt
	Size int64
}

func (in Input) from(off int64) io.Reader { return io.NewSectionReader(in, off, in.Size-off) }

// MaxLines bounds the lines that each side may have added.
const MaxLines = 1 << 20

var (
	// ErrNotAdded says that a side did something else than to add lines.
	ErrNotAdded = errors.New("not only lines were added")
	// ErrTooMany says that a side added more than MaxLines.
	ErrTooMany = errors.New("too many lines were added")
)

const bufSize = 256 << 10

// Lines writes to w what comes of two versions of a file that both began with base
// bytes which were the same. If it returns an error, what it wrote is of no use.
func Lines(ctx context.Context, w io.Writer, a, b Input, base int64) error {
	if err := lines(ctx, w, a, b, base); err != nil {
		return fmt.Errorf("merging: %w", err)
	}
	return nil
}

func lines(ctx context.Context, w io.Writer, a, b Input, base int64) error {
	if base < 0 || a.Size < base || b.Size < base {
		return ErrNotAdded
	}
	out := bufio.NewWriterSize(w, bufSize)
	ended, err := copyBase(ctx, out, a, b, base)
	if err != nil {
		return err
	}
	x, err := added(ctx, a, base, ended)
	if err != nil {
		return err
	}
	y, err := added(ctx, b, base, ended)
	if err != nil {
		return err
	}
	if !ended && (len(x.lines) > 0 || len(y.lines) > 0 || x.ends || y.ends) {
		// One side has ended the line that was the last, or both have.
		if _, err := out.WriteString("\n"); err != nil {
			return err
		}
	}
	first, err := smaller(x, y)
	if err != nil {
		return err
	}
	if !first {
		x, y = y, x
	}
	if err := weave(ctx, out, x, y); err != nil {
		return err
	}
	return out.Flush()
}

// copyBase copies what both begin with, and reports whether it ends with the end of
// a line.
func copyBase(ctx context.Context, out io.Writer, a, b Input, base int64) (ended bool, err error) {
	x, y := make([]byte, bufSize), make([]byte, bufSize)
	ended = true
	for off := int64(0); off < base; {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		n := int(min(bufSize, base-off))
		if err := readFull(a, x[:n], off); err != nil {
			return false, err
		}
		if err := readFull(b, y[:n], off); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, ErrNotAdded
		}
		if _, err := out.Write(x[:n]); err != nil {
			return false, err
		}
		off += int64(n)
		ended = x[n-1] == '\n'
	}
	return ended, nil
}

// readFull reads at an offset; the end of the file is an error.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// smaller reports whether what x added comes before what y added.
func smaller(x, y *side) (bool, error) {
	a, b := bufio.NewReaderSize(x.in.from(x.start), bufSize), bufio.NewReaderSize(y.in.from(y.start), bufSize)
	for {
		p, err := a.Peek(bufSize)
		q, err2 := b.Peek(bufSize)
		for _, e := range []error{err, err2} {
			if e != nil && !errors.Is(e, io.EOF) {
				return false, e
			}
		}
		n := min(len(p), len(q))
		if c := bytes.Compare(p[:n], q[:n]); c != 0 || n == 0 {
			return c < 0 || c == 0 && len(p) <= len(q), nil
		}
		_, _ = a.Discard(n)
		_, _ = b.Discard(n)
	}
}
