//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

// However often the daemon is killed while files arrive, each is told of once,
// under rising IDs, and so is the device that they came from.
func TestEventsSurviveKills(t *testing.T) {
	t.Parallel()
	const files, kills = 120, 6
	sender, receiver := pair(t)
	var writing sync.WaitGroup
	killed := make(chan struct{}, kills)
	writing.Go(func() {
		for i := range files {
			if i%(files/kills) == 0 && i > 0 {
				<-killed // all the kills are to hit while there is something to lose
			}
			sender.Write(fmt.Sprintf("inbox/%03d", i), fmt.Sprint(i))
		}
	})
	for range kills {
		time.Sleep(rand.N(150 * time.Millisecond)) // when the kill comes is what is random here
		receiver.Kill()
		killed <- struct{}{}
		receiver.Must("start")
	}
	writing.Wait()
	awaitSame(t, sender, receiver)

	received, added := map[string]int{}, 0
	var last int64
	ctx, cancel := context.WithTimeout(t.Context(), botsynctest.Patience)
	defer cancel()
	err := follow(ctx, t, receiver, 0, func(e api.Event) error {
		if e.ID < last || e.ID == last && !e.Passing() {
			t.Errorf("event %d comes after %d", e.ID, last)
		}
		last = e.ID
		switch e.Type {
		case api.EventFileReceived:
			if e.Action != api.ActionNew || e.Device == nil || e.Device.Name != sender.Name || e.Folder != "inbox" {
				t.Errorf("got %+v", e)
			}
			received[e.Path]++
		case api.EventPeerAdded:
			added++
		}
		if len(received) == files {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("%d of %d files were told of: %v", len(received), files, err)
	}
	for path, times := range received {
		if times != 1 {
			t.Errorf("%s was told of %d times", path, times)
		}
	}
	if added != 1 {
		t.Errorf("the other device was told of %d times", added)
	}
}

var errEnough = errors.New("enough")

// follow reads the events of a node through the local API.
func follow(ctx context.Context, t *testing.T, n *botsynctest.Node, since int64, on func(api.Event) error) error {
	t.Helper()
	r, err := root.Open(n.Root)
	must(t, err)
	client, err := control.Dial(ctx, r)
	must(t, err)
	defer client.Close()
	return client.Events(ctx, since, on)
}
