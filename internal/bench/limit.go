package main

import (
	"fmt"
	"math"
)

// The figures of a row that a limit can be about.
const (
	ofMedian = "p50"
	ofP95    = "p95"
	ofP99    = "p99"
	ofMax    = "max"
	ofCPU    = "CPU"
)

// limit is what a figure of a row must not be above.
type limit struct {
	Of string `json:"of"`
	// Over is the row whose figure it is divided by first, nil for none. Without
	// that row, as when its tool is not installed, the limit says nothing.
	Over   *ref    `json:"over,omitempty"`
	Most   float64 `json:"most"`
	Got    float64 `json:"got"`
	Known  bool    `json:"known"`
	Broken bool    `json:"broken"`
}

// ref names a row.
type ref struct {
	Name string `json:"name"`
	Tool string `json:"tool"`
}

// limit holds the figure that the unit suggests, see the package comment.
func (r *row) limit(most float64) *row {
	if r.Unit == unitMS {
		return r.most(ofMedian, most)
	}
	return r.most(ofMax, most)
}

// most limits a figure.
func (r *row) most(of string, most float64) *row {
	return r.hold(limit{Of: of, Most: most})
}

// mostOver limits a figure to a multiple of the same figure of another row.
func (r *row) mostOver(of string, most float64, name, tool string) *row {
	return r.hold(limit{Of: of, Most: most, Over: &ref{name, tool}})
}

// hold adds a limit once, however often the row is asked for.
func (r *row) hold(l limit) *row {
	for _, have := range r.Limits {
		if have.Of == l.Of && (have.Over == nil) == (l.Over == nil) && (l.Over == nil || *have.Over == *l.Over) {
			return r
		}
	}
	r.Limits = append(r.Limits, &l)
	return r
}

func (r *row) figure(of string) float64 {
	switch of {
	case ofMedian:
		return r.Median
	case ofP95:
		return r.P95
	case ofP99:
		return r.P99
	case ofMax:
		return r.Max
	case ofCPU:
		return r.CPU
	}
	return math.NaN()
}

// check needs the figures of all rows.
func (l *limit) check(r *row, find func(ref) *row) {
	l.Got, l.Known = r.figure(l.Of), len(r.Samples) > 0
	if l.Over != nil {
		other := find(*l.Over)
		l.Known = l.Known && other != nil && other.figure(l.Of) > 0
		if l.Known {
			l.Got /= other.figure(l.Of)
		}
	}
	l.Broken = l.Known && l.Got > l.Most
	if !l.Known {
		l.Got = 0 // JSON has no NaN
	}
}

// text is such as "p99 ≤ 60: ok" and "p50 ≤ 1/500 of stock: BROKEN, 1/320".
func (l *limit) text(r *row) string {
	of, most, got := "", figure(l.Most), figure(l.Got)
	if l.Over != nil {
		of = " of " + l.Over.Tool
		if l.Over.Tool == r.Tool {
			of = " of " + l.Over.Name
		}
		if l.Most < 0.5 {
			most, got = fmt.Sprintf("1/%.0f", 1/l.Most), "1/"+figure(1/l.Got)
		}
	}
	verdict := "ok"
	switch {
	case !l.Known:
		verdict = "not known"
	case l.Broken && l.Over != nil:
		verdict = "BROKEN, " + got
	case l.Broken:
		verdict = "BROKEN"
	case l.Over != nil:
		verdict = "ok, " + got
	}
	return fmt.Sprintf("%s ≤ %s%s: %s", l.Of, most, of, verdict)
}
