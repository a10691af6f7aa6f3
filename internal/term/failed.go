package term

import (
	"fmt"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// maxFailed is how many files that cannot be synced a person is shown, of each
// folder; --json has more.
const maxFailed = 5

// failedFiles are the lines of status about files that cannot be synced here.
func failedFiles(st *api.Status) string {
	var b strings.Builder
	for _, f := range st.Folders {
		for _, e := range f.Failed[:min(len(f.Failed), maxFailed)] {
			fmt.Fprintf(&b, "  %s: %s\n", Clean(e.Path), Clean(e.Reason))
		}
		if more := f.FailedTotal - maxFailed; more > 0 {
			fmt.Fprintf(&b, "  and %s in %s that cannot be synced\n", Count(more, "more file", "more files"), Clean(f.Name))
		}
	}
	return b.String()
}
