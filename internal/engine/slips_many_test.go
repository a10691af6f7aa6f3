package engine

import (
	"sync"
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/botsynctest"
)

// However many ask at the same time what a peer lacks, and who has what is missing here,
// all are answered: a database has six connections.
func TestManyAskWhatIsLacking(t *testing.T) {
	b := newBrakeTest(t)
	b.write(0, 5)
	b.peerHas()
	b.write(5, 40)
	peer := protocol.NewDeviceID([]byte("peer"))
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			for range 20 {
				if c, err := b.e.completion(peer, brakeFolder, 10); err != nil || c.NeedItems != 35 || len(c.Names) != 10 {
					t.Errorf("%+v, %v", c, err)
					return
				}
				if has, err := b.e.Sources([]string{brakeFolder}); err != nil || has {
					t.Errorf("%v, %v", has, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	botsynctest.Await(t, "all are answered", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}
