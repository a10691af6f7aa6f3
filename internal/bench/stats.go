package main

import "slices"

// stats summarises samples.
type stats struct {
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

func summarise(samples []float64) stats {
	if len(samples) == 0 {
		return stats{}
	}
	s := slices.Sorted(slices.Values(samples))
	return stats{Median: quantile(s, 0.5), P95: quantile(s, 0.95), P99: quantile(s, 0.99), Max: s[len(s)-1]}
}

// quantile interpolates linearly between the two nearest of the sorted samples
// (Hyndman and Fan's type 7, which R and NumPy use).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
