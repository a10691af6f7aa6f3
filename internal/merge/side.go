package merge

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"
)

// side is what one version added.
type side struct {
	in    Input
	start int64 // where its first added line begins
	ends  bool  // it has ended the last line of before
	lines []line
	open  bool    // its last line lacks its end
	pair  []int32 // of each line: the same line of the other side, or none
}

// line is one added line: where it begins, and a hash of what is in it.
type line struct {
	off  int64
	hash [16]byte
}

const none = -1

// checkEvery is how many lines are done between two looks at the context.
const checkEvery = 4096

// added reads the lines that a version has beyond the base. If that did not end with
// the end of a line, they begin after it.
func added(ctx context.Context, in Input, base int64, ended bool) (*side, error) {
	s := &side{in: in, start: base}
	r := bufio.NewReaderSize(in.from(base), bufSize)
	if !ended && in.Size > base {
		c, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if c != '\n' {
			return nil, ErrNotAdded // it has gone on in the middle of a line
		}
		s.start++
		s.ends = true
	}
	sum := sha256.New()
	for off := s.start; ; {
		if len(s.lines)%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n, whole, err := readLine(r, sum)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return s, nil
		}
		if len(s.lines) == MaxLines {
			return nil, ErrTooMany
		}
		l := line{off: off}
		copy(l.hash[:], sum.Sum(nil))
		s.lines = append(s.lines, l)
		off += n
		s.open = !whole
	}
}

// readLine hashes the next line without its end, and returns its length with it; 0 at
// the end of the file.
func readLine(r *bufio.Reader, sum hash.Hash) (n int64, whole bool, err error) {
	sum.Reset()
	for {
		part, err := r.ReadSlice('\n')
		n += int64(len(part))
		if err == nil {
			sum.Write(part[:len(part)-1])
			return n, true, nil
		}
		sum.Write(part)
		if errors.Is(err, io.EOF) {
			return n, false, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return 0, false, err
		}
	}
}

// hasEnd reports whether a line has its end.
func (s *side) hasEnd(i int) bool { return i < len(s.lines)-1 || !s.open }

// size is the length of a line with its end, in bytes.
func (s *side) size(i int) int64 {
	if i < len(s.lines)-1 {
		return s.lines[i+1].off - s.lines[i].off
	}
	return s.in.Size - s.lines[i].off
}

// match pairs the lines that both sides have, the first of a kind with the first,
// the second with the second, and returns how many pairs there are.
func match(x, y *side) int {
	p, q := x.sorted(), y.sorted()
	x.pair, y.pair = unpaired(len(x.lines)), unpaired(len(y.lines))
	pairs := 0
	for i, j := 0, 0; i < len(p) && j < len(q); {
		a, b := x.lines[p[i]].hash, y.lines[q[j]].hash
		switch c := slices.Compare(a[:], b[:]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			x.pair[p[i]], y.pair[q[j]] = q[j], p[i]
			pairs++
			i++
			j++
		}
	}
	return pairs
}

// sorted are the numbers of the lines, by hash and then by place.
func (s *side) sorted() []int32 {
	out := make([]int32, len(s.lines))
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortFunc(out, func(a, b int32) int {
		return cmp.Or(slices.Compare(s.lines[a].hash[:], s.lines[b].hash[:]), cmp.Compare(a, b))
	})
	return out
}

func unpaired(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = none
	}
	return out
}
