package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/botsync/botsync/internal/api"
)

// The units of rows.
const (
	unitMS      = "ms"
	unitMB      = "MB"     // 10^6 bytes
	unitPercent = "% core" // of one core
	unitCount   = ""
)

// row is one quantity of one tool.
type row struct {
	Work    string    `json:"work"`
	Name    string    `json:"name"`
	Tool    string    `json:"tool"`
	Unit    string    `json:"unit"`
	Samples []float64 `json:"samples"`
	stats
	Limits []*limit `json:"limits,omitempty"`
	// Against is the row that is the floor or peer of this one, and Ratio the
	// quotient of their medians.
	Against *ref    `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	// CPU is the median of what all processes of the tool used for one
	// repetition, in seconds, and Memory the highest they had at one time, in
	// megabytes; 0 where they are not measured.
	CPU    float64 `json:"cpu_seconds,omitempty"`
	Memory float64 `json:"peak_memory_mb,omitempty"`
	cpus   []float64
	peaks  []float64
}

// report is what a run found out, in the order in which it was measured.
type report struct {
	Schema   int      `json:"schema"`
	Machine  machine  `json:"machine"`
	Rows     []*row   `json:"rows"`
	Failures []string `json:"failures,omitempty"` // of tools that could not do a work
}

func (r *report) find(of ref) *row {
	for _, row := range r.Rows {
		if row.Name == of.Name && row.Tool == of.Tool {
			return row
		}
	}
	return nil
}

// finish brings rows of the same name together and computes what depends on all
// samples of a row, and on other rows.
func (r *report) finish() {
	first := map[string]int{}
	for i, row := range r.Rows {
		if _, ok := first[row.Work+row.Name]; !ok {
			first[row.Work+row.Name] = i
		}
	}
	slices.SortStableFunc(r.Rows, func(a, b *row) int {
		return cmp.Compare(first[a.Work+a.Name], first[b.Work+b.Name])
	})
	for _, row := range r.Rows {
		row.stats, row.CPU, row.Memory = summarise(row.Samples), summarise(row.cpus).Median, summarise(row.peaks).Max
	}
	for _, row := range r.Rows {
		if row.Against != nil {
			if other := r.find(*row.Against); other != nil && other.Median > 0 {
				row.Ratio = row.Median / other.Median
			}
		}
		for _, l := range row.Limits {
			l.check(row, r.find)
		}
	}
}

// broken counts limits; what failed altogether counts as one each.
func (r *report) broken() int {
	n := len(r.Failures)
	for _, row := range r.Rows {
		for _, l := range row.Limits {
			if l.Broken {
				n++
			}
		}
	}
	return n
}

func (r *report) json(w io.Writer) error {
	r.Schema = api.Schema
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// text prints a table that is Markdown as well, for docs/benchmarks.md. A name
// that several tools share is printed once.
func (r *report) text(w io.Writer) error {
	fmt.Fprintln(w, r.Machine.String())
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, "| "+strings.Join(cells, "\t| ")+"\t|") }
	line("what", "tool", "n", "median", "p95", "p99", "max", "unit", "ratio", "CPU s", "MB", "at most")
	line("---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	work, name := "", ""
	for _, row := range r.Rows {
		if row.Work != work {
			work, name = row.Work, ""
			line("**"+work+"**", "", "", "", "", "", "", "", "", "", "", "")
		}
		what := row.Name
		if what == name {
			what = ""
		}
		name = row.Name
		line(what, row.Tool, fmt.Sprint(len(row.Samples)), figure(row.Median), figure(row.P95), figure(row.P99), figure(row.Max),
			row.Unit, row.ratio(), optional(row.CPU), optional(row.Memory), row.limits())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range r.Failures {
		fmt.Fprintln(w, "\nFAILED:", f)
	}
	return nil
}

func (r *row) ratio() string {
	if r.Ratio == 0 {
		return ""
	}
	if r.Against.Name == r.Name {
		return fmt.Sprintf("%s × %s", figure(r.Ratio), r.Against.Tool)
	}
	return fmt.Sprintf("%s × %s", figure(r.Ratio), r.Against.Name)
}

func (r *row) limits() string {
	var all []string
	for _, l := range r.Limits {
		all = append(all, l.text(r))
	}
	return strings.Join(all, "; ")
}

func optional(v float64) string {
	if v == 0 {
		return ""
	}
	return figure(v)
}

// figure prints three significant digits, which is more than the measurement is
// worth.
func figure(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.4f", v)
	}
}
