package history

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"
)

// ErrInUse says that a version is being brought back.
var ErrInUse = errors.New("a version is being brought back")

// Restamp gives versions the times that a clock which went back would have given
// them. They stay in their order, among each other and with all others. Nothing may be
// swept meanwhile. What is kept meanwhile has the old time, and so have those that a kill
// leaves: to do it again is safe.
func (s *Store) Restamp(ctx context.Context, step Step) error {
	if err := s.restamp(ctx, step); err != nil {
		return fmt.Errorf("giving versions another time: %w", err)
	}
	return nil
}

func (s *Store) restamp(ctx context.Context, step Step) error {
	folders, err := s.folders()
	if err != nil {
		return err
	}
	var all []entry
	for _, folder := range folders {
		err := s.each(ctx, folder, "", func(e entry) {
			e.info = nil // of a directory that is closed by then
			all = append(all, e)
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	times := make([]time.Time, len(all))
	for i, e := range all {
		times[i] = e.at
		if step.moves(e.at) && s.isPinned(e.file) {
			return ErrInUse
		}
	}
	times = step.times(times)
	for i, at := range times {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if at.Equal(all[i].at) {
			continue
		}
		if err := s.rename(all[i], at); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Time{}
	if n := len(times); n > 0 {
		s.last = times[n-1]
	}
	clear(s.recent)
	return nil
}

// moves reports whether a time becomes another one.
func (s Step) moves(at time.Time) bool {
	return at.After(s.From) && !at.After(s.From.Add(s.By+inTurn))
}

// times are what times become, which are in order.
func (s Step) times(times []time.Time) []time.Time {
	out := slices.Clone(times)
	next := s.From.Truncate(exact).Add(exact)
	for i, at := range slices.Backward(times) {
		if s.moves(at) {
			out[i] = at.Add(-s.By).Truncate(exact)
			if latest := next.Add(-exact); out[i].After(latest) {
				out[i] = latest
			}
			next = out[i]
		}
	}
	last := s.Floor.Truncate(exact)
	for i, at := range times {
		if s.moves(at) && !out[i].After(last) {
			out[i] = last.Add(exact)
		}
		if out[i].After(last) {
			last = out[i]
		}
	}
	return out
}

// rename gives a version another time.
func (s *Store) rename(e entry, at time.Time) error {
	dir, err := s.dirOf(e.file)
	if err != nil {
		return err
	}
	defer dir.Close()
	base, _, _, _, _ := ParseName(path.Base(e.file))
	return ignoreMissing(dir.Rename(path.Base(e.file), Name(base, at, e.by, e.deleted)))
}
