package root

import (
	"strings"

	"github.com/dustin/go-humanize"
)

// History is how much of what was replaced and deleted is kept.
type History struct {
	Days    int    `toml:"days"`     // how long; 0 means DefaultHistoryDays
	MaxSize string `toml:"max_size"` // such as "2GB"; empty for a tenth of the disk, at most 10 GB
}

// DefaultHistoryDays is how long a version is kept.
const DefaultHistoryDays = 30

// maxHistoryDays is ten years.
const maxHistoryDays = 3650

// minHistory is the least that can be kept, in bytes: with less there is nothing
// that could be undone.
const minHistory = 1 << 20

func (h History) normalised() (History, error) {
	if h.Days == 0 {
		h.Days = DefaultHistoryDays
	}
	if h.Days < 0 || h.Days > maxHistoryDays {
		return h, badDays(h.Days)
	}
	h.MaxSize = strings.TrimSpace(h.MaxSize)
	if h.MaxSize == "" {
		return h, nil
	}
	const hint = `Give a size such as "2GB" or "500MB".`
	n, err := humanize.ParseBytes(h.MaxSize)
	if err != nil || n > 1<<62 {
		return h, bad(hint, "%q is no size of the history", h.MaxSize)
	}
	if n < minHistory {
		return h, bad(hint, "a history of %s is too small: it takes 1 MiB at least", h.MaxSize)
	}
	return h, nil
}

func badDays(days int) error {
	return bad("Give a number of days from 1.", "history cannot be kept for %d days", days)
}

// Bytes is MaxSize, 0 if none is set.
func (h History) Bytes() int64 {
	n, err := humanize.ParseBytes(h.MaxSize)
	if err != nil {
		return 0
	}
	return int64(n)
}
