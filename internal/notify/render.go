package notify

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// maxBody bounds the body for a webhook or command, in bytes.
const maxBody = 240 << 10

// Here is what a notification says of this device.
type Here struct {
	Device api.Device
	Root   string
}

// newKey draws the name of a notification: the Idempotency-Key of OpenClaw, the
// webhook-id of a webhook. It stays the same however often it is sent.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "msg_" + hex.EncodeToString(b[:])
}

// content is a batch, with what the list of its files may be too short to show.
type content struct {
	api.NotifyBatch
	by      *api.Device // who made all of the changes; nil if several did, or if it is not known
	folders []string    // in which they are
}

// batch is what a digest tells.
func (h Here) batch(d *digest, key string, now time.Time) content {
	c := content{folders: d.folders, NotifyBatch: api.NotifyBatch{
		Schema: api.Schema, Type: api.TypeBatch, ID: key, Time: now.UTC(), Root: h.Root, Device: h.Device,
		Devices: d.devices, Files: slices.Clone(d.files), Conflicts: d.copies, Holds: d.holds, More: d.totals.Files - len(d.files), Cursor: d.cursor,
		Totals: d.totals, FirstEvent: d.firstEvent, LastEvent: d.lastEvent,
	}}
	if !d.several {
		c.by = d.by
	}
	return c
}

// test is a notification that tells of nothing.
func (h Here) test(key string, now time.Time) content {
	return content{NotifyBatch: api.NotifyBatch{
		Schema: api.Schema, Type: api.TypeTest, ID: key, Time: now.UTC(), Root: h.Root, Device: h.Device,
	}}
}

// render writes a batch for a kind of target.
func render(kind string, c content) ([]byte, error) {
	if kind == api.NotifyOpenClaw {
		return hookJSON(c)
	}
	return batchJSON(c.NotifyBatch)
}

// batchJSON lists as many files as there is room for.
func batchJSON(b api.NotifyBatch) ([]byte, error) {
	if b.Files == nil {
		b.Files = []api.NotifyFile{}
	}
	// In the order of events, which is that of the cursor, until it is known which
	// of them are listed.
	for {
		listed := b
		listed.Files = byPath(b.Files)
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(listed); err != nil {
			return nil, err
		}
		if out.Len() <= maxBody || len(b.Files) == 0 {
			return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
		}
		// A quarter less each time: sizes of names differ.
		keep := len(b.Files) * 3 / 4
		for _, f := range b.Files[keep:] {
			if b.Cursor == 0 || f.Event-1 < b.Cursor {
				b.Cursor = f.Event - 1
			}
		}
		b.More += len(b.Files) - keep
		b.Files = b.Files[:keep]
	}
}

// byPath is a copy of files in the order in which a reader looks for one.
func byPath(files []api.NotifyFile) []api.NotifyFile {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b api.NotifyFile) int {
		return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Path, b.Path))
	})
	return files
}
