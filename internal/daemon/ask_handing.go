package daemon

import (
	"errors"
	"sync"

	"github.com/botsync/botsync/internal/history"
)

// maxHanded is how many bytes of contents are handed out at a time, to all together.
const maxHanded = 4 * history.MaxContents

// errHanding says that contents have to be handed out later.
var errHanding = errors.New("other contents are being handed out")

// handing is what contents are handed out, which have room on this disk until who
// has asked takes the question back.
type handing struct {
	mu sync.Mutex
	by map[string]handedOut // by the ID of the question
}

type handedOut struct {
	to    string // device ID
	bytes int64
}

// reserve returns errHanding if the device is handed other contents already, or if
// all that is handed out would be too much.
func (h *handing) reserve(id, to string, bytes int64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := bytes
	for _, other := range h.by {
		if total += other.bytes; other.to == to {
			return errHanding
		}
	}
	if total > maxHanded {
		return errHanding
	}
	h.by[id] = handedOut{to, bytes}
	return nil
}

// release may be called for what is not handed out.
func (h *handing) release(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.by, id)
}
