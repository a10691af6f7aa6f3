package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
)

// toldIgnores is what was told last of what is kept out of a folder. It is on the
// disk, so that patterns which change while the daemon is off are told as well.
type toldIgnores struct {
	path string

	Patterns string `json:"patterns"` // SHA-256; empty if nothing was told yet
	Count    int    `json:"count"`
}

// read takes what is on the disk. Without it, the first count is not told.
func (t *toldIgnores) read(path string) {
	if data, err := os.ReadFile(path); err != nil || json.Unmarshal(data, t) != nil {
		*t = toldIgnores{}
	}
	t.path = path
}

// next notes patterns and how much they keep out, and reports whether that is to be
// told: they are other ones than before. before is what those kept out.
func (t *toldIgnores) next(patterns string, count int) (before int, tell bool) {
	sum := sha256.Sum256([]byte(patterns))
	now := toldIgnores{t.path, hex.EncodeToString(sum[:]), count}
	was := *t
	if now == was {
		return was.Count, false
	}
	*t = now
	if data, err := json.Marshal(now); err == nil {
		_ = atomicfile.Write(t.path, data, 0o600) // else it may be told again
	}
	return was.Count, was.Patterns != "" && was.Patterns != now.Patterns
}

// tellIgnores says that other patterns hold in a folder, after what they keep out
// was counted: once for what follows each other quickly.
func (e *Engine) tellIgnores(ctx context.Context, folder string, i *ignoring) {
	n, _ := e.IgnoredCount(folder)
	before, tell := i.told.next(i.counted.Text(), n)
	if i.before >= 0 {
		before = i.before
	}
	name, ok := e.names.name(folder)
	if !tell || !ok {
		return
	}
	select {
	case e.brakes.events <- Event{Time: time.Now(), Type: IgnoresChanged, Folder: name, Ignored: n, IgnoredBefore: before}:
	case <-ctx.Done():
	}
}
