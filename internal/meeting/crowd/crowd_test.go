package crowd_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/botsync/botsync/internal/meeting/crowd"
	"pgregory.net/rapid"
)

func TestFullCrowdEvictsOldestOfTheLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd.New[string](3, time.Second)
		var evicted []string
		enter := func(peer, name string) *crowd.Seat[string] {
			s, err := c.Enter(t.Context(), peer, func() { evicted = append(evicted, name) })
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		enter("quiet", "q1")
		time.Sleep(time.Millisecond)
		enter("loud", "l1")
		time.Sleep(time.Millisecond)
		enter("loud", "l2")
		start := time.Now()
		enter("loud", "l3") // l1 makes room, although q1 is older, but not before its second is over
		if got := time.Since(start); got != 999*time.Millisecond {
			t.Errorf("waited %v for room, want 999ms", got)
		}
		enter("loud", "l4")
		enter("other", "o1")
		if want := [...]string{"l1", "l2", "l3"}; len(evicted) != 3 || [3]string(evicted) != want {
			t.Errorf("evicted %v, want %v", evicted, want)
		}
	})
}

func TestRenewedSeatIsSafeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd.New[int](2, time.Second)
		renewed, _ := c.Enter(t.Context(), 1, func() { t.Error("evicted the renewed one") })
		evicted := false
		c.Enter(t.Context(), 1, func() { evicted = true })
		time.Sleep(2 * time.Second)
		renewed.Renew()
		c.Enter(t.Context(), 1, func() {})
		if !evicted || !renewed.Leave() {
			t.Error("the one that was not renewed has not made room")
		}
		renewed.Renew() // of no consequence
		if c.Len() != 1 {
			t.Errorf("%d are inside", c.Len())
		}
	})
}

func TestLeavingMakesRoomAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crowd.New[int](1, time.Hour)
		first, _ := c.Enter(t.Context(), 1, func() { t.Error("evicted one that has left") })
		go func() {
			time.Sleep(time.Second)
			if !first.Leave() || first.Leave() {
				t.Error("a seat can be left once")
			}
		}()
		if _, err := c.Enter(t.Context(), 2, func() {}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Enter(ctx, 3, func() {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting longer than the context: %v", err)
		}
	})
}

// Whatever happens, the crowd is never too large, everyone is evicted or leaves at most once, and who left is not evicted.
func TestCrowdProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 5).Draw(t, "size")
		c := crowd.New[int](size, 0)
		var inside atomic.Int64
		var seats []*crowd.Seat[int]
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			if len(seats) > 0 && rapid.Bool().Draw(t, "leave") {
				if seats[rapid.IntRange(0, len(seats)-1).Draw(t, "who")].Leave() {
					inside.Add(-1)
				}
			} else {
				s, err := c.Enter(context.Background(), rapid.IntRange(0, 2).Draw(t, "peer"), func() { inside.Add(-1) })
				if err != nil {
					t.Fatal(err)
				}
				inside.Add(1)
				seats = append(seats, s)
			}
			if int(inside.Load()) != c.Len() || c.Len() > size {
				t.Fatalf("%d are inside, Len is %d, of at most %d", inside.Load(), c.Len(), size)
			}
		}
	})
}
