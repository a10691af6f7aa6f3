package watch

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sim plays a file through, as the watcher does, and counts what is reported.
type sim struct {
	w       Writes[string]
	now     time.Time
	status  Status
	reports []time.Duration
	start   time.Time
}

func newSim(size int64) *sim {
	start := time.Unix(1e9, 0)
	return &sim{now: start, start: start, status: Status{Size: size}}
}

func (s *sim) report(yes bool) {
	if yes {
		s.reports = append(s.reports, s.now.Sub(s.start))
	}
}

// until lets time pass, and does what is due.
func (s *sim) until(end time.Duration) {
	for {
		next := s.w.Next()
		if next.IsZero() || next.After(s.start.Add(end)) {
			s.now = s.start.Add(end)
			return
		}
		s.now = later(s.now, next)
		for _, k := range s.w.Due(s.now) {
			s.report(s.w.Look(k, s.status, s.now))
		}
	}
}

// write writes every step until end.
func (s *sim) write(step, end time.Duration) {
	for at := s.now.Sub(s.start); at < end; at += step {
		s.until(at)
		s.w.Written("f", s.now)
	}
	s.until(end)
}

func (s *sim) close() { s.report(s.w.Finished("f", s.status.Size, s.now)) }

func TestWrites(t *testing.T) {
	t.Parallel()
	const s, ms = time.Second, time.Millisecond
	for _, tt := range []struct {
		name string
		size int64
		play func(*sim)
		want []time.Duration
	}{
		{"written and closed", 4096, func(f *sim) { f.write(ms, 2*ms); f.close(); f.until(time.Hour) }, []time.Duration{2 * ms}},
		{"a slow writer", 1 << 30, func(f *sim) { f.write(10*ms, 30*s); f.close(); f.until(time.Hour) }, []time.Duration{30 * s}},
		{"a log", 4096, func(f *sim) { f.status.Append = true; f.write(100*ms, 30*s) }, []time.Duration{3 * s, 13 * s, 23 * s}},
		{"a log that ends", 4096, func(f *sim) { f.status.Append = true; f.write(100*ms, 5*s); f.close(); f.until(time.Hour) }, []time.Duration{3 * s, 5 * s}},
		{"a log with one line", 4096, func(f *sim) { f.status.Append = true; f.write(s, s); f.until(time.Hour) }, []time.Duration{3 * s}},
		{"a large log", 1 << 30, func(f *sim) { f.status.Append = true; f.write(100*ms, 85*s) }, []time.Duration{3 * s, 13 * s, 23 * s, 33 * s, 43 * s, 63 * s, 83 * s}},
		{"a database", 4096, func(f *sim) { f.write(100*ms, 85*s) }, []time.Duration{60 * s, 70 * s, 80 * s}},
		{"truncated by name", 4096, func(f *sim) { f.write(ms, ms); f.status.Closed = true; f.until(time.Hour) }, []time.Duration{100 * ms}},
		{"deleted unseen", 4096, func(f *sim) { f.write(ms, ms); f.status.Gone = true; f.until(time.Hour) }, []time.Duration{100 * ms}},
		{"a copy that gets its time afterwards", 1 << 30, func(f *sim) {
			f.close()
			f.until(ms)
			f.report(f.w.Touched("f", f.status.Size, f.now))
			f.until(time.Hour)
		}, []time.Duration{0, ms}},
		{"touched while it is written", 4096, func(f *sim) {
			f.write(ms, ms)
			f.report(f.w.Touched("f", f.status.Size, f.now))
			f.until(2 * s)
			f.close()
		}, []time.Duration{2 * s}},
		{"a close that was missed", 4096, func(f *sim) {
			f.status.Append = true
			f.write(s, 4*s)
			f.status.Closed = true
			f.w.Doubt(f.now)
			f.until(time.Hour)
		}, []time.Duration{3 * s, 4100 * ms}},
	} {
		f := newSim(tt.size)
		tt.play(f)
		if len(f.reports) != len(tt.want) {
			t.Errorf("%s: reported after %v, want %v", tt.name, f.reports, tt.want)
			continue
		}
		for i := range tt.want {
			if d := f.reports[i] - tt.want[i]; d < 0 || d > 100*ms {
				t.Errorf("%s: reported after %v, want %v", tt.name, f.reports, tt.want)
				break
			}
		}
	}
}

// However a file is written and closed, what was written last is reported in the
// end, nothing stays in the books, and reading it all costs no more than a tenth
// of the time, but for the first looks.
func TestWritesAreReportedAtABoundedCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int64{0, 4096, costFree, 100 << 20, 10 << 30}).Draw(t, "size")
		f := newSim(size)
		f.status.Append = rapid.Bool().Draw(t, "append")
		steps := rapid.IntRange(1, 200).Draw(t, "steps")
		for range steps {
			f.until(f.now.Sub(f.start) + time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms"))*time.Millisecond)
			f.w.Written("f", f.now)
			if rapid.Bool().Draw(t, "close") {
				f.close()
			}
		}
		span := f.now.Sub(f.start)
		n := len(f.reports)
		f.close()
		f.until(span + 24*time.Hour)
		if len(f.reports) == n {
			t.Fatal("the last write was not reported")
		}
		if len(f.w.files) > 0 {
			t.Fatal("a file that was closed long ago is still in the books")
		}
		if each := rest(size); each > 0 {
			if most := costBurst + int(span/each) + 1; n > most {
				t.Fatalf("looked at %d times in %v, want at most %d", n, span, most)
			}
		}
	})
}
