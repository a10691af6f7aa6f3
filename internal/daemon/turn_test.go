package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneGuestAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		inside, most := 0, 0
		for range 20 {
			go func() {
				_, pass, err := turn.take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				most = max(most, inside)
				time.Sleep(100 * time.Millisecond) // of the bubble's clock: an exchange
				inside--
				pass()
			}()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		if most != 1 || inside != 0 {
			t.Fatalf("%d at most, %d left", most, inside)
		}
	})
}

func TestWhoeverStallsLosesTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turn turn
		stalled, pass, err := turn.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-stalled.Done()
			pass()
		}()
		start := time.Now()
		_, pass2, err := turn.take(t.Context())
		if err != nil || time.Since(start) != turnPatience {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
		defer pass2()
		gone, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := turn.take(gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}
