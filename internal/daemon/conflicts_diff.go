package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/botsync/botsync/internal/api"
)

const (
	// maxDiffed bounds a version that is compared by lines, in bytes.
	maxDiffed = 1 << 20
	// maxDiffs bounds all diffs of one answer, in bytes.
	maxDiffs = 4 << 20
	// maxDiffRead bounds what is read for one answer, in bytes.
	maxDiffRead = 64 << 20
)

// ConflictDiff says how versions differ from the current ones.
func (d *daemon) ConflictDiff(ctx context.Context, req api.DiffRequest) (*api.ConflictDiffs, error) {
	var found []*inConflict
	var err error
	if len(req.Paths) > 0 {
		found, err = d.namedConflicts(ctx, req.Paths)
	} else {
		found, err = d.allConflicts(ctx, "")
	}
	if err != nil {
		return nil, err
	}
	out := &api.ConflictDiffs{Schema: api.Schema, Type: api.TypeDiff, Files: []api.ConflictDiff{}}
	left := diffRoom{text: maxDiffs, read: maxDiffRead}
	for _, c := range found {
		folder, err := os.OpenRoot(d.root.Folder(c.folder))
		if err != nil {
			return nil, explain(d.root, err)
		}
		for _, v := range c.versions[1:] {
			if ctx.Err() != nil || len(out.Files) == api.MaxConflicts {
				break
			}
			out.Files = append(out.Files, c.diff(folder, v, &left))
		}
		_ = folder.Close()
	}
	return out, ctx.Err()
}

// diffRoom is how much an answer may still hold, and how much be read for it, in bytes.
type diffRoom struct {
	text int
	read int64
}

// diff compares the current version with another one. It reads nothing that the index
// tells, or that is not shown.
func (c *inConflict) diff(folder *os.Root, v version, left *diffRoom) api.ConflictDiff {
	current := c.versions[0]
	out := api.ConflictDiff{Path: c.folder + "/" + c.path, Current: c.shownVersion(current), Copy: c.shownVersion(v)}
	if out.Current.Deleted || out.Current.Kind != api.KindFile {
		out.Why = "deleted"
		if !out.Current.Deleted {
			out.Why = "binary"
		}
		return out
	}
	a, sizeA, err := openVersion(folder, current)
	if err != nil {
		out.Why = "unreadable"
		return out
	}
	defer a.Close()
	b, sizeB, err := openVersion(folder, v)
	if err != nil {
		out.Why = "unreadable"
		return out
	}
	defer b.Close()
	switch {
	case a.known && b.known && current.file.Version.SameContents(v.file.Version):
		out.Same = true
		return out
	case sizeA > maxDiffed || sizeB > maxDiffed:
		out.Why = "large"
		return out
	case left.text <= 0 || left.read < sizeA+sizeB:
		out.Why = "limit"
		return out
	}
	left.read -= sizeA + sizeB
	x, err := readVersion(a, &out.CurrentSHA256)
	y, err2 := readVersion(b, &out.CopySHA256)
	switch {
	case errors.Is(err, errLarge) || errors.Is(err2, errLarge): // it has grown meanwhile
		out.Why, out.CurrentSHA256, out.CopySHA256 = "large", "", ""
	case err != nil || err2 != nil:
		out.Why = "unreadable"
	case bytes.Equal(x, y):
		out.Same = true
	case !isText(x) || !isText(y):
		out.Why = "binary"
	default:
		text := diff.Diff(inHeader(out.Current.Path), x, inHeader(out.Copy.Path), y)
		if left.text -= len(text); left.text < 0 {
			out.Why = "limit"
		} else {
			out.Diff = string(text)
		}
	}
	return out
}

// inHeader is a path as it stands in a diff: quoted if something in it cannot be
// printed, so that a name makes no lines.
func inHeader(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}

// onDiskVersion is the open file of a version.
type onDiskVersion struct {
	*os.File
	known bool // it is as the index has it
}

// openVersion opens the file of a version, and returns its size in bytes.
func openVersion(folder *os.Root, v version) (onDiskVersion, int64, error) {
	f, err := folder.OpenFile(filepath.FromSlash(v.path), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return onDiskVersion{}, 0, err
	}
	info, err := f.Stat()
	named, err2 := folder.Lstat(filepath.FromSlash(v.path))
	if err != nil || err2 != nil || !info.Mode().IsRegular() || !os.SameFile(info, named) { // a link, for one
		_ = f.Close()
		return onDiskVersion{}, 0, errors.Join(err, err2, fs.ErrInvalid)
	}
	return onDiskVersion{f, v.asIndexed(info) && info.ModTime().Equal(v.file.Modified)}, info.Size(), nil
}

// errLarge says that a version is too large to be compared by lines.
var errLarge = errors.New("it is too large")

// readVersion returns what is in a version, if that is no more than maxDiffed bytes, and
// the hash of it.
func readVersion(r io.Reader, sum *string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDiffed+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxDiffed {
		return nil, errLarge
	}
	hash := sha256.Sum256(data)
	*sum = hex.EncodeToString(hash[:])
	return data, nil
}

// isText reports whether contents are lines that a person can compare.
func isText(data []byte) bool { return utf8.Valid(data) && !bytes.ContainsRune(data, 0) }
