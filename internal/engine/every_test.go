package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What is tended is tended after each interval, at once when somebody asks for it, and not
// once after the end.
func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		wake, start := make(chan struct{}, 1), time.Now()
		var got []time.Duration
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range every(ctx, 2*time.Second, wake) {
				if got = append(got, time.Since(start)); len(got) > 9 {
					break // or the test would go on for as long as it does
				}
			}
		}()
		after := func(d time.Duration) { <-time.After(time.Until(start.Add(d))) }
		after(3 * time.Second)
		wake <- struct{}{}
		after(5 * time.Second)
		cancel()
		<-ended
		if want := []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("it was done at %v, want %v", got, want)
		}
	})
}

// Who has no need to be woken can leave the loop itself.
func TestEveryIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for range every(t.Context(), time.Minute, nil) {
			break
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it was done after %v", took)
		}
	})
}
