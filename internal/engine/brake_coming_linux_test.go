package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/watch"
)

// What the system has still to tell counts with the first of many losses: it does not
// leave before it is known how many there are.
func TestFirstOfManyLossesIsHeld(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 40)
	remove := func(i int) {
		if err := os.Remove(filepath.Join(b.shared, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	turn := b.e.turns.of(brakeFolder)
	turn <- struct{}{}
	remove(0)
	of, ok := b.e.watches.queues.Load(brakeFolder)
	if !ok {
		t.Fatal("the folder is not watched")
	}
	for catchUp(b.shared); of.(*watch.Queue).Len() > 0; catchUp(b.shared) { // until the watch is about to look at the first alone
		time.Sleep(time.Millisecond)
	}
	for i := 1; i < 20; i++ {
		remove(i)
	}
	<-turn
	b.await("all are held", held(20))
}
