package engine

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
)

// What is entered here leaves nothing in the index of blocks, for which Syncthing would
// write the whole database anew at the next start. What somebody else has left there is
// removed.
func TestNoIndexOfBlocks(t *testing.T) {
	t.Parallel()
	opened, err := syncthing.OpenDatabase(filepath.Join(t.TempDir(), DatabaseName), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	db := layerOver(opened)
	defer db.Close()
	hash := bytes.Repeat([]byte{7}, 32)
	blocks := func() (n int) {
		t.Helper()
		all, failed := db.AllLocalBlocksWithHash("f", hash)
		for range all {
			n++
		}
		if err := failed(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	file := protocol.FileInfo{Name: "x", Size: 1, Sequence: 1, Blocks: []protocol.BlockInfo{{Size: 1, Hash: hash}}, BlocksHash: hash,
		Version: protocol.Vector{Counters: []protocol.Counter{{ID: 1, Value: 1}}}}
	if err := db.enter("f", []protocol.FileInfo{file}); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := db.GetDeviceFile("f", protocol.LocalDeviceID, "x"); err != nil || !ok || len(got.Blocks) != 1 {
		t.Fatalf("%v, %v, %v", got, ok, err)
	}
	if n := blocks(); n != 0 {
		t.Errorf("%d blocks are indexed", n)
	}
	file.Name, file.Sequence = "y", 2
	if err := db.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{file}); err != nil || blocks() == 0 {
		t.Fatal("a block that is indexed is not found", err)
	}
	if err := db.DropBlockIndex("f"); err != nil || blocks() != 0 {
		t.Errorf("%d blocks are left, %v", blocks(), err)
	}
}

// fullStore is on a disk that is full.
type fullStore struct{ *mapStore }

func (fullStore) DropBlockIndex(string) error { return errors.New("database or disk is full") }

// A folder starts also if its database cannot be made smaller.
func TestAFolderStartsOnAFullDisk(t *testing.T) {
	t.Parallel()
	l := layerOver[struct{}, struct{}, fileMetadata, struct{}, keyAndValue](fullStore{newMapStore()})
	if err := l.DropBlockIndex("f"); err != nil {
		t.Error(err)
	}
}
