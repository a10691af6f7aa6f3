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

// The last line of BOTSYNC.md, and of other texts that botsync keeps up to date,
// carries the hash of what is above it. While it holds nobody has edited the
// file, whichever version of botsync wrote it.
const (
	markBefore = "<!-- Written by botsync, which renews this file until you edit it. sha256:"
	markAfter  = " -->\n"
)

// Readme is BOTSYNC.md as this version of botsync writes it, without its last
// line.
func Readme() string { return readmeText }

func readme() []byte { return Sign(readmeText) }

// Sign adds the line by which [Unedited] knows the text again.
func Sign(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return []byte(text + markBefore + hex.EncodeToString(sum[:]) + markAfter)
}

// Unedited reports whether data is a text that any version of botsync signed,
// and that nobody has edited since.
func Unedited(data []byte) bool {
	at := bytes.LastIndex(data, []byte(markBefore))
	return at >= 0 && bytes.Equal(data, Sign(string(data[:at])))
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
	if err != nil || !Unedited(data) || bytes.Equal(data, readme()) {
		return err
	}
	return atomicfile.Write(r.ReadmePath(), readme(), 0o644)
}

func (r *Root) removeReadme() error {
	data, err := os.ReadFile(r.ReadmePath())
	if err != nil || !Unedited(data) {
		return ignoreMissing(err)
	}
	return os.Remove(r.ReadmePath())
}
