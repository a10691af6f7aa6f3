package root

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for BOTSYNC.md
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	"github.com/botsync/botsync/internal/atomicfile"
)

//go:embed BOTSYNC.md
var readmeText string

// The last line of BOTSYNC.md carries the hash of what is above it. While it
// holds nobody has edited the file, whichever version of botsync wrote it.
const (
	markBefore = "<!-- Written by botsync, which renews this file until you edit it. sha256:"
	markAfter  = " -->\n"
)

func readme() []byte { return []byte(sign(readmeText)) }

func sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	return text + markBefore + hex.EncodeToString(sum[:]) + markAfter
}

// isOurs reports whether data is a BOTSYNC.md of any version, unedited.
func isOurs(data []byte) bool {
	at := bytes.LastIndex(data, []byte(markBefore))
	if at < 0 {
		return false
	}
	return string(data) == sign(string(data[:at]))
}

// writeReadme writes BOTSYNC.md where there is none, and reports whether it did.
func (r *Root) writeReadme() (bool, error) {
	if _, err := os.Lstat(r.ReadmePath()); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := atomicfile.Write(r.ReadmePath(), readme(), 0o644); err != nil {
		return false, err
	}
	return true, nil
}

// RefreshReadme replaces the BOTSYNC.md of an older botsync. One that a person
// edited stays as it is, and one that was deleted stays away.
func (r *Root) RefreshReadme() error {
	info, err := os.Lstat(r.ReadmePath())
	if err != nil || !info.Mode().IsRegular() {
		return ignoreMissing(err)
	}
	data, err := os.ReadFile(r.ReadmePath())
	if err != nil || !isOurs(data) || bytes.Equal(data, readme()) {
		return err
	}
	return atomicfile.Write(r.ReadmePath(), readme(), 0o644)
}

func (r *Root) removeReadme() error {
	data, err := os.ReadFile(r.ReadmePath())
	if err != nil || !isOurs(data) {
		return ignoreMissing(err)
	}
	return os.Remove(r.ReadmePath())
}
