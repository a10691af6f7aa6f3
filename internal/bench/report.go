package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/botsync/botsync/internal/api"
)

// The units of rows.
const (
	unitMS      = "ms"
	unitMB      = "MB"     // 10^6 bytes
	unitPercent = "% core" // of one core
)

// row is one quantity of one tool.
type row struct {
	Work    string    `json:"work"`
	Name    string    `json:"name"`
	Tool    string    `json:"tool"`
	Unit    string    `json:"unit"`
	Samples []float64 `json:"samples"`
	stats
	// Limit is what the row must not be above; 0 means that there is none.
	Limit float64 `json:"limit,omitempty"`
	// Against is the name of the row that is the floor or peer of this one, and
	// Ratio the quotient of their medians.
	Against string  `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	// CPU is the median of what all processes of the tool used for one
	// repetition, in seconds; 0 where it is not measured.
	CPU  float64 `json:"cpu_seconds,omitempty"`
	cpus []float64
}

// held is the figure that the limit applies to, see the package comment.
func (r *row) held() float64 {
	if r.Unit == unitMS {
		return r.Median
	}
	return r.Max
}

func (r *row) broken() bool { return r.Limit > 0 && r.held() > r.Limit }

// report is what a run found out, in the order in which it was measured.
type report struct {
	Schema  int     `json:"schema"`
	Machine machine `json:"machine"`
	Rows    []*row  `json:"rows"`
}

// finish computes what depends on all samples of a row, and on other rows.
func (r *report) finish() {
	medians := map[string]float64{}
	for _, row := range r.Rows {
		row.stats, row.CPU = summarise(row.Samples), summarise(row.cpus).Median
		medians[row.Name] = row.Median
	}
	for _, row := range r.Rows {
		if m := medians[row.Against]; m > 0 {
			row.Ratio = row.Median / m
		}
	}
}

func (r *report) broken() int {
	n := 0
	for _, row := range r.Rows {
		if row.broken() {
			n++
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

// text prints a table that is Markdown as well, for docs/benchmarks.md.
func (r *report) text(w io.Writer) error {
	fmt.Fprintln(w, r.Machine.String())
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(t, "| "+strings.Join(cells, "\t| ")+"\t|") }
	line("what", "n", "median", "p95", "max", "unit", "limit", "", "ratio", "CPU s")
	line("---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	for _, row := range r.Rows {
		limit, verdict, ratio, cpu := "", "", "", ""
		if row.Limit > 0 {
			limit, verdict = figure(row.Limit), "ok"
			if row.broken() {
				verdict = "BROKEN"
			}
		}
		if row.Ratio > 0 {
			ratio = fmt.Sprintf("%s × %s", figure(row.Ratio), row.Against)
		}
		if row.CPU > 0 {
			cpu = fmt.Sprintf("%.2f", row.CPU)
		}
		line(row.Name, fmt.Sprint(len(row.Samples)), figure(row.Median), figure(row.P95), figure(row.Max),
			row.Unit, limit, verdict, ratio, cpu)
	}
	return t.Flush()
}

// figure prints three significant digits, which is more than the measurement is
// worth.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
