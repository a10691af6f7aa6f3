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
		{[]float64{7}, stats{7, 7, 7, 7}},
		{[]float64{3, 1}, stats{2, 2.9, 2.98, 3}},
		{[]float64{5, 1, 3, 2, 4}, stats{3, 4.8, 4.96, 5}},
	} {
		got := summarise(c.samples)
		for _, d := range []float64{got.Median - c.want.Median, got.P95 - c.want.P95, got.P99 - c.want.P99, got.Max - c.want.Max} {
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
		if s.Median > s.P95 || s.P95 > s.P99 || s.P99 > s.Max || s.Max != slices.Max(samples) || s.Median < slices.Min(samples) {
			t.Fatalf("%+v of %v", s, samples)
		}
	})
}

func testReport() *report {
	r := &report{Failures: []string{"a tool could not do it"}, Rows: []*row{
		{Work: "one", Name: "file", Tool: toolFloor, Unit: unitMS, Samples: []float64{10, 20, 30}},
		{Work: "one", Name: "file", Tool: toolBotsync, Unit: unitMS, Samples: []float64{90, 100, 9000}, cpus: []float64{1, 3, 2}, peaks: []float64{5, 7, 6}},
		{Work: "one", Name: "file", Tool: toolStock, Unit: unitMS, Samples: []float64{10000}, cpus: []float64{4}},
		{Work: "two", Name: "fat", Tool: toolBotsync, Unit: unitMB, Samples: []float64{40, 40, 51}},
		{Work: "two", Name: "alone", Tool: toolBotsync, Unit: unitMS, Samples: []float64{1}},
	}}
	r.Rows[1].limit(100).most(ofP99, 60).against("file", toolFloor).
		mostOver(ofMedian, 1./99, "file", toolStock).mostOver(ofMedian, 1./101, "file", toolStock).
		mostOver(ofCPU, 0.5, "file", toolStock).limit(100)
	r.Rows[3].limit(50)
	r.Rows[4].against("file", "left out by -only").mostOver(ofMedian, 1, "file", "not installed")
	r.finish()
	return r
}

// A limit on time is held against the median, one on memory against the maximum.
func TestLimits(t *testing.T) {
	t.Parallel()
	r := testReport()
	for i, want := range map[int]string{
		1: "p50 ≤ 100: ok; p99 ≤ 60.0: BROKEN; p50 ≤ 1/99 of Syncthing: ok, 1/100; CPU ≤ 0.50 of Syncthing: ok, 0.50",
		3: "max ≤ 50.0: BROKEN",
		4: "p50 ≤ 1.00 of not installed: not known",
	} {
		if got := r.Rows[i].limits(); got != want {
			t.Errorf("row %d: %s\nwant: %s", i, got, want)
		}
	}
	if n := r.broken(); n != 2+1 {
		t.Errorf("%d broken, want two limits and a failure", n)
	}
	if r.Rows[1].Ratio != 5 || r.Rows[1].CPU != 2 || r.Rows[1].Memory != 7 || r.Rows[4].Ratio != 0 {
		t.Errorf("ratio %v, CPU %v, memory %v, ratio to a missing row %v", r.Rows[1].Ratio, r.Rows[1].CPU, r.Rows[1].Memory, r.Rows[4].Ratio)
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
		if n := strings.Count(line, "|"); n != 13 {
			t.Errorf("%d bars in %q", n, line)
		}
	}
	if rows != 2+2+5 {
		t.Errorf("%d lines, want a head of two, two works and five rows", rows)
	}
	if !strings.Contains(out.String(), "BROKEN") || !strings.Contains(out.String(), "5.00 × floor") || !strings.Contains(out.String(), "FAILED: a tool") {
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
	if back.Schema != 1 || len(back.Rows) != 5 || len(back.Rows[1].Samples) != 3 || back.Rows[1].Median != 100 {
		t.Errorf("%s", out.Bytes())
	}
}
