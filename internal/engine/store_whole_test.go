package engine

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"

	"github.com/botsync/botsync/internal/botsynctest"
)

// Entries that are not read at once, since there are too many or somebody writes some,
// take no connection of the database, of which there are six.
func TestScansLeaveConnections(t *testing.T) {
	t.Parallel()
	opened, err := syncthing.OpenDatabase(filepath.Join(t.TempDir(), DatabaseName), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	l := layerOver(opened)
	l.maxWhole = 10
	var files []protocol.FileInfo
	for i := range 20 {
		files = append(files, protocol.FileInfo{Name: fmt.Sprint(i), Version: counted(1)})
	}
	must(t, l.Update("large", protocol.LocalDeviceID, files))
	must(t, l.Update("small", protocol.LocalDeviceID, files[:5]))
	ask := func(folder string) {
		l.beginScan(folder)
		if _, ok, err := l.GetDeviceFile(folder, protocol.LocalDeviceID, "3"); err != nil || !ok {
			t.Errorf("%v, %v", ok, err)
		}
		n := 0
		entries, failed := l.AllLocalFilesWithPrefix(folder, protocol.LocalDeviceID, "")
		for range entries {
			n++
		}
		if err := failed(); err != nil || n != map[string]int{"large": 20, "small": 5}[folder] {
			t.Errorf("%d entries, %v", n, err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			ask("large")
			k := l.known("small")
			l.readWhole("small", k) // and again: they are there
			l.readWhole("small", k)
			k.whole.begin(nil) // somebody writes
			l.readWhole("small", k)
			k.whole.done()
			ask("small")
		}
	}()
	botsynctest.Await(t, "the database has answered everything", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	must(t, l.Close()) // it would wait for the others
}
