package main

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSummarise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		samples []float64
		want    stats
	}{
		{nil, stats{}},
		{[]float64{7}, stats{7, 7, 7}},
		{[]float64{3, 1}, stats{2, 2.9, 3}},
		{[]float64{5, 1, 3, 2, 4}, stats{3, 4.8, 5}},
	} {
		got := summarise(c.samples)
		for _, d := range []float64{got.Median - c.want.Median, got.P95 - c.want.P95, got.Max - c.want.Max} {
			if math.Abs(d) > 1e-9 {
				t.Errorf("summarise(%v) = %v, want %v", c.samples, got, c.want)
			}
		}
	}
}

func TestSummariseIsOrderedAndWithin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Float64Range(0, 1e6), 1, 50).Draw(t, "samples")
		before := slices.Clone(samples)
		s := summarise(samples)
		if !slices.Equal(samples, before) {
			t.Fatal("the samples were changed")
		}
		if s.Median > s.P95 || s.P95 > s.Max || s.Max != slices.Max(samples) || s.Median < slices.Min(samples) {
			t.Fatalf("%+v of %v", s, samples)
		}
	})
}

func testReport() *report {
	r := &report{Rows: []*row{
		{Name: "floor", Tool: toolFloor, Unit: unitMS, Samples: []float64{10, 20, 30}},
		{Name: "slow", Tool: toolBotsync, Unit: unitMS, Samples: []float64{90, 100, 9000}, Limit: 100, Against: "floor", cpus: []float64{1, 3, 2}},
		{Name: "fat", Tool: toolBotsync, Unit: unitMB, Samples: []float64{40, 40, 51}, Limit: 50},
		{Name: "alone", Tool: toolBotsync, Unit: unitMS, Samples: []float64{1}, Against: "left out by -only"},
	}}
	r.finish()
	return r
}

// A limit on time is held against the median, one on memory against the maximum.
func TestLimits(t *testing.T) {
	t.Parallel()
	r := testReport()
	if r.Rows[1].broken() || !r.Rows[2].broken() || r.broken() != 1 {
		t.Errorf("broken: %v %v, %d in all", r.Rows[1].broken(), r.Rows[2].broken(), r.broken())
	}
	if r.Rows[1].Ratio != 5 || r.Rows[1].CPU != 2 || r.Rows[3].Ratio != 0 {
		t.Errorf("ratio %v, CPU %v, ratio to a missing row %v", r.Rows[1].Ratio, r.Rows[1].CPU, r.Rows[3].Ratio)
	}
}

// Every line of the table has as many cells as its head, so that it is Markdown.
func TestTextIsATable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := testReport().text(&out); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if n := strings.Count(line, "|"); n != 11 {
			t.Errorf("%d bars in %q", n, line)
		}
	}
	if rows != 2+4 {
		t.Errorf("%d lines, want a head of two and four rows", rows)
	}
	if !strings.Contains(out.String(), "BROKEN") || !strings.Contains(out.String(), "5.00 × floor") {
		t.Errorf("verdict or ratio is missing:\n%s", out.String())
	}
}

func TestJSONKeepsSamples(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := testReport().json(&out); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if back.Schema != 1 || len(back.Rows) != 4 || len(back.Rows[1].Samples) != 3 || back.Rows[1].Median != 100 {
		t.Errorf("%s", out.Bytes())
	}
}
