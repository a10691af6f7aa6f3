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
	left := maxDiffs
	for _, c := range found {
		folder, err := os.OpenRoot(d.root.Folder(c.folder))
		if err != nil {
			return nil, explain(d.root, err)
		}
		for _, v := range c.versions[1:] {
			if ctx.Err() != nil || len(out.Files) == api.MaxConflicts {
				break
			}
			out.Files = append(out.Files, c.diff(ctx, folder, v, &left))
		}
		_ = folder.Close()
	}
	return out, ctx.Err()
}

// diff compares the current version with another one.
func (c *inConflict) diff(ctx context.Context, folder *os.Root, v version, left *int) api.ConflictDiff {
	out := api.ConflictDiff{Path: c.folder + "/" + c.path, Current: c.shownVersion(c.versions[0]), Copy: c.shownVersion(v)}
	if out.Current.Deleted || out.Current.Kind != api.KindFile {
		out.Why = "deleted"
		if !out.Current.Deleted {
			out.Why = "binary"
		}
		return out
	}
	if *left <= 0 {
		out.Why = "limit"
		return out
	}
	a, err := readVersion(ctx, folder, c.path, &out.CurrentSHA256)
	b, err2 := readVersion(ctx, folder, v.path, &out.CopySHA256)
	switch {
	case err != nil || err2 != nil:
		out.Why = "unreadable"
		return out
	case out.CurrentSHA256 == out.CopySHA256:
		out.Same = true
		return out
	case a == nil || b == nil:
		out.Why = "large"
		return out
	case !isText(a) || !isText(b):
		out.Why = "binary"
		return out
	}
	text := diff.Diff(inHeader(out.Current.Path), a, inHeader(out.Copy.Path), b)
	if *left -= len(text); *left < 0 {
		out.Why = "limit"
		return out
	}
	out.Diff = string(text)
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

// readVersion returns a file if it is small enough, and the hash of it in any case.
func readVersion(ctx context.Context, folder *os.Root, name string, sum *string) ([]byte, error) {
	f, err := folder.OpenFile(filepath.FromSlash(name), os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fs.ErrInvalid)
	}
	hash := sha256.New()
	data := make([]byte, 0, 4096)
	small := true
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		hash.Write(buf[:n])
		if small = small && len(data)+n <= maxDiffed; small {
			data = append(data, buf[:n]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
	}
	*sum = hex.EncodeToString(hash.Sum(nil))
	if !small {
		return nil, nil
	}
	return data, nil
}

// same reports whether two files of a directory hold the same.
func same(dir *os.Root, a, b string) bool {
	var one, two string
	_, err := readVersion(context.Background(), dir, a, &one)
	_, err2 := readVersion(context.Background(), dir, b, &two)
	return err == nil && err2 == nil && one == two
}

// isText reports whether contents are lines that a person can compare.
func isText(data []byte) bool { return utf8.Valid(data) && !bytes.ContainsRune(data, 0) }
