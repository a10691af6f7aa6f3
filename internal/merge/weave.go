package merge

import (
	"bufio"
	"context"
	"io"
	"sort"
)

// weave writes what both sides added.
func weave(ctx context.Context, out *bufio.Writer, x, y *side) error {
	w := weaver{ctx: ctx, out: out, pairs: match(x, y)}
	switch w.pairs {
	case len(y.lines): // x has all that y has
		return w.all(x, y)
	case len(x.lines):
		return w.all(y, x)
	}
	rx, ry := newReader(x), newReader(y)
	i, j := 0, 0
	for _, at := range anchors(x) {
		if err := w.until(x, y, rx, ry, &i, &j, at, x.pair[at]); err != nil {
			return err
		}
		if err := w.line(rx, i, x.hasEnd(i) || y.hasEnd(j)); err != nil {
			return err
		}
		i++
		j++
	}
	return w.until(x, y, rx, ry, &i, &j, int32(len(x.lines)), int32(len(y.lines)))
}

// anchors are the lines of x which have pairs that stand in the same order: as many
// as there can be. They are found as the longest rising subsequence, by piles.
func anchors(x *side) []int32 {
	var tops []int32                 // the line of x on each pile
	before := unpaired(len(x.lines)) // of each line: the one on the pile to the left
	for i, q := range x.pair {
		if q == none {
			continue
		}
		pile := sort.Search(len(tops), func(k int) bool { return x.pair[tops[k]] > q })
		if pile > 0 {
			before[i] = tops[pile-1]
		}
		if pile == len(tops) {
			tops = append(tops, int32(i))
		} else {
			tops[pile] = int32(i)
		}
	}
	out := make([]int32, len(tops))
	if len(tops) == 0 {
		return out
	}
	at := tops[len(tops)-1]
	for k := len(out) - 1; k >= 0; k-- {
		out[k] = at
		at = before[at]
	}
	return out
}

type weaver struct {
	ctx     context.Context
	out     *bufio.Writer
	pairs   int
	written int
	owed    bool // the line that was written last lacks its end
}

// all writes the lines of x, which has all that y has.
func (w *weaver) all(x, y *side) error {
	r := newReader(x)
	for i := range x.lines {
		end := x.hasEnd(i)
		if p := x.pair[i]; p != none {
			end = end || y.hasEnd(int(p))
		}
		if err := w.line(r, i, end); err != nil {
			return err
		}
	}
	return nil
}

// until writes the lines before two that are the same: those of x, then those of y
// that x does not have.
func (w *weaver) until(x, y *side, rx, ry *reader, i, j *int, toX, toY int32) error {
	for ; *i < int(toX); *i++ {
		end := x.hasEnd(*i)
		if p := x.pair[*i]; p != none {
			end = end || y.hasEnd(int(p))
		}
		if err := w.line(rx, *i, end); err != nil {
			return err
		}
	}
	for ; *j < int(toY); *j++ {
		if y.pair[*j] != none {
			continue // it is written where x has it
		}
		if err := w.line(ry, *j, y.hasEnd(*j)); err != nil {
			return err
		}
	}
	return nil
}

// line writes a line. Its end may have to wait until another follows.
func (w *weaver) line(r *reader, i int, end bool) error {
	if w.written++; w.written%checkEvery == 0 && w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	if w.owed {
		if err := w.out.WriteByte('\n'); err != nil {
			return err
		}
	}
	if err := r.copy(w.out, i); err != nil {
		return err
	}
	w.owed = !end
	if end {
		return w.out.WriteByte('\n')
	}
	return nil
}

// reader reads the lines of a side, in their order, some left out.
type reader struct {
	s   *side
	buf *bufio.Reader
	off int64
}

func newReader(s *side) *reader {
	return &reader{s: s, buf: bufio.NewReaderSize(s.in.from(s.start), bufSize), off: s.start}
}

// copy writes a line without its end.
func (r *reader) copy(w io.Writer, i int) error {
	l := r.s.lines[i]
	if skip := l.off - r.off; skip > 0 {
		if _, err := io.CopyN(io.Discard, r.buf, skip); err != nil {
			return err
		}
	}
	size := r.s.size(i)
	if r.s.hasEnd(i) {
		size--
	}
	r.off = l.off + size
	_, err := io.CopyN(w, r.buf, size)
	return err
}
