package engine

import (
	"testing"
	"time"
)

// What takes long is tried again after a pause that is long as well.
func TestRetriesArePartOfTheTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for took, pause := range map[time.Duration]time.Duration{
		0:                     brakeRetry,
		10 * time.Millisecond: brakeRetry,
		time.Second:           20 * time.Second,
		time.Minute:           20 * time.Minute,
	} {
		if at := retryAt(now.Add(-took), now); at.Sub(now) != pause {
			t.Errorf("after %v it is tried again in %v, not %v", took, at.Sub(now), pause)
		}
	}
}
