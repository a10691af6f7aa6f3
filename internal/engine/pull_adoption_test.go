package engine

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/botsync/botsync/internal/needs"
)

// What the journal says was put in place is there if it has the content, whatever its
// time: a version that a kill left half way has the time of the next one, and can have its
// size. Of everything else the time tells.
func TestFilesInPlace(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 17, 8, 30, 0, 0, time.UTC)
	const placed, removed = "placed", "removed"
	for what, test := range map[string]struct {
		disk     string
		disktime time.Time
		journal  string
		change   func(f *protocol.FileInfo, done *pullEntry)
		want     bool
	}{
		"as the index says":                   {disk: "newest", disktime: at, want: true},
		"as the index says, and placed":       {disk: "newest", disktime: at, journal: placed, want: true},
		"placed, without its time":            {disk: "newest", disktime: at.Add(time.Hour), journal: placed, want: true},
		"not placed, without its time":        {disk: "newest", disktime: at.Add(time.Hour)},
		"removed, without its time":           {disk: "newest", disktime: at.Add(time.Hour), journal: removed},
		"the one before, with its time":       {disk: "before", disktime: at, journal: placed},
		"the one before, with another time":   {disk: "before", disktime: at.Add(time.Hour), journal: placed},
		"the one before, with another size":   {disk: "older", disktime: at, journal: placed},
		"another size, with its time":         {disk: "older", disktime: at},
		"another file than was placed":        {disk: "newest", disktime: at.Add(time.Hour), journal: placed, change: func(_ *protocol.FileInfo, done *pullEntry) { done.Inode++ }},
		"another size than was placed":        {disk: "newest", disktime: at.Add(time.Hour), journal: placed, change: func(_ *protocol.FileInfo, done *pullEntry) { done.Size++ }},
		"another mode":                        {disk: "newest", disktime: at, journal: placed, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Permissions ^= 0o100 }},
		"another mode, where none is known":   {disk: "newest", disktime: at, journal: placed, want: true, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Permissions, f.NoPermissions = 0, true }},
		"a deletion, and something is there":  {disk: "newest", disktime: at, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Deleted = true }},
		"a file where a directory is to be":   {disk: "newest", disktime: at, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Type = protocol.FileInfoTypeDirectory }},
		"a file where a link is to be":        {disk: "newest", disktime: at, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Type = protocol.FileInfoTypeSymlink }},
		"something of which nothing is there": {disk: "newest", disktime: at, change: func(f *protocol.FileInfo, _ *pullEntry) { f.Name = "other" }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, fsys := filepath.Join(dir, "file"), fs.NewFilesystem(fs.FilesystemTypeBasic, dir)
			must(t, os.WriteFile(path, []byte(test.disk), 0o600), os.Chtimes(path, test.disktime, test.disktime))
			info, err := fsys.Lstat("file")
			must(t, err)
			const content = "newest"
			f := protocol.FileInfo{Name: "file", Size: int64(len(content)), ModifiedS: at.Unix(), Permissions: uint32(info.Mode() & fs.ModePerm), RawBlockSize: protocol.MinBlockSize}
			f.Blocks, err = scanner.Blocks(t.Context(), bytes.NewReader([]byte(content)), protocol.MinBlockSize, f.Size, nil)
			must(t, err)
			var done pullEntry
			switch test.journal {
			case placed:
				done = pullEntry{Name: "file", Inode: inodeOf(info), Size: info.Size()}
			case removed:
				done = pullEntry{Name: "file", Deleted: true}
			}
			if test.change != nil {
				test.change(&f, &done)
			}
			if got := (adoption{ctx: t.Context(), folder: "folder", fsys: fsys}).inPlace(f, done); got != test.want {
				t.Errorf("in place: %v, want %v", got, test.want)
			}
			want := test.disktime
			if test.want {
				want = at // or the next scan would take it for an edit
			}
			if info, err := fsys.Lstat("file"); err != nil || !info.ModTime().Equal(want) {
				t.Errorf("it has the time %v, %v; want %v", info.ModTime(), err, want)
			}
		})
	}
}

// Directories are there by their name, links by what they lead to.
func TestOthersInPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o700))
	if err := os.Symlink("target", filepath.Join(dir, "link")); err != nil {
		needs.Skip(t, "this test needs symbolic links: %v", err)
	}
	a := adoption{ctx: t.Context(), folder: "folder", fsys: fs.NewFilesystem(fs.FilesystemTypeBasic, dir)}
	// file is one that cannot be told from what is there by size and time.
	file := func(name string) protocol.FileInfo {
		info, err := a.fsys.Lstat(name)
		must(t, err)
		return protocol.FileInfo{Name: name, Size: info.Size(), ModifiedS: info.ModTime().Unix(), ModifiedNs: int32(info.ModTime().Nanosecond()), NoPermissions: true}
	}
	const directory, link = protocol.FileInfoTypeDirectory, protocol.FileInfoTypeSymlink
	for what, test := range map[string]struct {
		f    protocol.FileInfo
		want bool
	}{
		"a directory":                       {protocol.FileInfo{Name: "dir", Type: directory}, true},
		"a link where a directory is to be": {protocol.FileInfo{Name: "link", Type: directory}, false},
		"no directory":                      {protocol.FileInfo{Name: "none", Type: directory}, false},
		"a link":                            {protocol.FileInfo{Name: "link", Type: link, SymlinkTarget: []byte("target")}, true},
		"a link that leads elsewhere":       {protocol.FileInfo{Name: "link", Type: link, SymlinkTarget: []byte("other")}, false},
		"a directory where a link is to be": {protocol.FileInfo{Name: "dir", Type: link}, false},
		"no link":                           {protocol.FileInfo{Name: "none", Type: link}, false},
		"a directory where a file is to be": {file("dir"), false},
		"a deletion":                        {protocol.FileInfo{Name: "none", Deleted: true}, true},
		"a directory that is to be gone":    {protocol.FileInfo{Name: "dir", Type: directory, Deleted: true}, false},
		"a link that is to be gone":         {protocol.FileInfo{Name: "link", Type: link, Deleted: true}, false},
		"a link where a file is to be":      {file("link"), false},
		"no file":                           {protocol.FileInfo{Name: "none", NoPermissions: true}, false},
	} {
		if got := a.inPlace(test.f, pullEntry{}); got != test.want {
			t.Errorf("%s: in place: %v", what, got)
		}
	}
}
