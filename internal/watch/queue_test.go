package watch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const (
	settle     = 1 * time.Millisecond
	settleMore = 5 * time.Millisecond
	settleMax  = 20 * time.Millisecond
)

// Whatever is added, and whenever it is, a look for it begins afterwards; and
// there is never more than one at a time.
func TestEveryChangeIsLookedAtAfterItWasAdded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		pauses := rapid.SliceOfN(rapid.SampledFrom([]time.Duration{0, settle / 2, 3 * settle, time.Second}), 1, 40).Draw(r, "pauses")
		slow := rapid.SampledFrom([]time.Duration{0, settle, time.Second}).Draw(r, "slow")
		failures := rapid.IntRange(0, 3).Draw(r, "failures")
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
			q.nap = time.Sleep // by the clock of the test
			var mu sync.Mutex
			owed := map[string]bool{}
			looking := false
			ended := make(chan error)
			go func() {
				ended <- q.Deliver(ctx, time.Minute, func(_ context.Context, changes []Change) error {
					if looking {
						t.Error("two looks at a time")
					}
					looking = true
					mu.Lock()
					for _, c := range changes {
						delete(owed, c.Path)
					}
					mu.Unlock()
					time.Sleep(slow)
					looking = false
					mu.Lock()
					defer mu.Unlock()
					if failures > 0 {
						failures--
						for _, c := range changes {
							owed[c.Path] = true
						}
						return errors.New("not now")
					}
					return nil
				})
			}()
			for i, pause := range pauses {
				p := string(rune('a' + i%5))
				mu.Lock()
				owed[p] = true
				mu.Unlock()
				q.Add(Change{Path: p})
				time.Sleep(pause)
				synctest.Wait()
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			if len(owed) > 0 {
				t.Errorf("%v were not looked at", owed)
			}
		})
	})
}

func TestChangesSettleButNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
		q.nap = time.Sleep // by the clock of the test
		start := time.Now()
		var looks []time.Duration
		go func() {
			_ = q.Deliver(ctx, time.Second, func(context.Context, []Change) error {
				looks = append(looks, time.Since(start))
				return nil
			})
		}()
		synctest.Wait()
		q.Add(Change{Path: "alone"})
		time.Sleep(time.Second)
		synctest.Wait()
		if len(looks) != 1 || looks[0] != settle {
			t.Errorf("a change alone was looked at after %v, want %v", looks, settle)
		}
		looks, start = nil, time.Now()
		for range 200 { // without a pause that is long enough
			q.Add(Change{Path: "busy"})
			time.Sleep(settle / 2)
			synctest.Wait()
		}
		if len(looks) < 4 || len(looks) > 6 || looks[0] != settleMax {
			t.Errorf("100 ms of changes were looked at after %v", looks)
		}
	})
}

// Where more is expected, it is waited for a little longer, and no longer than it
// takes.
func TestWhatIsExpectedIsWaitedFor(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		do   func(q *Queue)
		want time.Duration
	}{
		"nothing": {func(q *Queue) { q.Add(Change{Path: "dir"}) }, settle},
		"more":    {func(q *Queue) { q.Add(Change{Path: "dir"}); q.Expect() }, settleMore},
		"it comes": {func(q *Queue) {
			q.Add(Change{Path: "dir"})
			q.Expect()
			time.Sleep(2 * settle)
			q.Add(Change{Path: "dir/file"})
		}, 3 * settle},
		"no end of it": {func(q *Queue) {
			for range 100 {
				q.Add(Change{Path: "dir"})
				q.Expect()
				time.Sleep(3 * settle)
			}
		}, settleMax},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
				q.nap = time.Sleep // by the clock of the test
				start := time.Now()
				looks := make(chan time.Duration, 1000)
				go func() {
					_ = q.Deliver(ctx, time.Second, func(context.Context, []Change) error {
						looks <- time.Since(start)
						return nil
					})
				}()
				synctest.Wait()
				test.do(q)
				if got := <-looks; got != test.want {
					t.Errorf("it was looked at after %v, want %v", got, test.want)
				}
			})
		})
	}
}
