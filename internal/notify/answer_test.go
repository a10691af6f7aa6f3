package notify

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		value, date string
		want        time.Duration
	}{
		{"", "", 0},
		{"0", "", 0},
		{" 60 ", "", time.Minute},
		{"99999999999999999999999", "", maxRetryAfter},
		{"1000000", "", maxRetryAfter},
		{"-5", "", 0},
		{"1.5", "", 0},
		{"soon", "", 0},
		{"Sun, 22 Nov 2026 12:00:30 GMT", "", 30 * time.Second},
		{"Sun, 22 Nov 2026 11:00:00 GMT", "", 0},
		{"Fri, 22 Nov 2126 12:00:00 GMT", "", maxRetryAfter},
		// Their clock is an hour behind ours.
		{"Sun, 22 Nov 2026 11:00:30 GMT", "Sun, 22 Nov 2026 11:00:00 GMT", 30 * time.Second},
	} {
		h := http.Header{"Retry-After": {tc.value}, "Date": {tc.date}}
		if got := retryAfter(h, noon); got != tc.want {
			t.Errorf("%q at %q: %v, want %v", tc.value, tc.date, got, tc.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "99999999999999999999", "Sun, 22 Nov 2026 12:00:30 GMT", "-1"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		if got := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}, noon); got < 0 || got > maxRetryAfter {
			t.Errorf("%q, %q: %v", value, date, got)
		}
	})
}

func TestJudge(t *testing.T) {
	t.Parallel()
	want := map[int]verdict{
		200: accepted, 202: accepted, 204: accepted,
		301: pause, 302: pause, 304: pause, 307: pause,
		400: park, 413: park, 422: park,
		401: pause, 402: pause, 403: pause, 404: pause, 405: pause, 407: pause, 410: pause, 451: pause,
		408: retry, 409: retry, 425: retry, 429: retry, 502: retry, 503: retry, 504: retry,
		500: retryFew, 501: retryFew, 507: retryFew, 599: retryFew,
	}
	for status, verdict := range want {
		if got := judge(status); got != verdict {
			t.Errorf("%d: %v, want %v", status, got, verdict)
		}
	}
	for status := 100; status < 1000; status++ {
		if judge(status) == accepted && status/100 != 2 {
			t.Errorf("%d counts as accepted", status)
		}
	}
}
