package engine

import (
	"testing"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Only versions that are files which are there are merged.
func TestWhatIsAFileToMerge(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		file protocol.FileInfo
		want bool
	}{
		"a file":          {protocol.FileInfo{}, true},
		"a directory":     {protocol.FileInfo{Type: protocol.FileInfoTypeDirectory}, false},
		"a symbolic link": {protocol.FileInfo{Type: protocol.FileInfoTypeSymlink}, false},
		"a deleted file":  {protocol.FileInfo{Deleted: true}, false},
		"kept out":        {protocol.FileInfo{LocalFlags: protocol.FlagLocalIgnored}, false},
	} {
		if got := isFile(test.file); got != test.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
