package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

// A file that looks as the index says is read again if another one may have its name, and
// is scanned if it is another one.
func TestFilesThatLookTheSame(t *testing.T) {
	t.Parallel()
	const name = "file"
	for what, test := range map[string]struct {
		age     time.Duration // of the file when it is read first
		then    func(t *testing.T, path string, at time.Time)
		another bool
	}{
		"nothing happens":          {then: func(*testing.T, string, time.Time) {}},
		"nothing happens, later":   {age: time.Hour, then: func(*testing.T, string, time.Time) {}},
		"written in the moment":    {then: writeAs("second"), another: true},
		"the same in the moment":   {then: writeAs("first!")},
		"replaced in the moment":   {then: replaceAs("second"), another: true},
		"replaced at any time":     {age: time.Hour, then: replaceAs("second"), another: true},
		"replaced by the same":     {age: time.Hour, then: replaceAs("first!")},
		"of another size":          {then: writeAs("a longer one")}, // which a scan sees
		"removed":                  {then: func(t *testing.T, path string, _ time.Time) { must(t, os.Remove(path)) }},
		"a directory in its place": {then: func(t *testing.T, path string, _ time.Time) { must(t, os.Remove(path), os.Mkdir(path, 0o755)) }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path, h := filepath.Join(root, name), newHashed(root)
			hashedByRoot.Store(root, h)
			t.Cleanup(func() { hashedByRoot.Delete(root) })
			fsys := config.FolderConfiguration{ID: "f", FilesystemType: filesystemType, CaseSensitiveFS: true, Path: root}.Filesystem()
			store := newMapStore()
			l := over(store)
			l.hashed.Store("f", h)
			index := func() {
				info, err := fsys.Lstat(name)
				must(t, err)
				f, err := scanner.CreateFileInfo(info, name, fsys, false, false, nil)
				must(t, err)
				f.RawBlockSize = int32(protocol.BlockSize(f.Size))
				f.Blocks, err = scanner.HashFile(t.Context(), "f", fsys, name, f.BlockSize(), nil)
				must(t, err)
				f.BlocksHash = protocol.BlocksHash(f.Blocks)
				must(t, l.Update("f", protocol.LocalDeviceID, []protocol.FileInfo{f}))
			}
			at := time.Now().Add(-test.age)
			must(t, os.WriteFile(path, []byte("first!"), 0o644), os.Chtimes(path, at, at))
			index()
			test.then(t, path, at)
			for range 2 { // until it is scanned
				got, ok, err := l.GetDeviceFile("f", protocol.LocalDeviceID, name)
				if err != nil || !ok || got.ModTime().Equal(at) == test.another {
					t.Fatalf("the index says %v, %v, %v; the file is of %v", got, ok, err, at)
				}
			}
			if !test.another {
				return
			}
			index()
			if got, _, _ := l.GetDeviceFile("f", protocol.LocalDeviceID, name); !got.ModTime().Equal(at) {
				t.Errorf("it is to be read again and again: %v", got)
			}
		})
	}
}

func writeAs(content string) func(*testing.T, string, time.Time) {
	return func(t *testing.T, path string, at time.Time) {
		must(t, os.WriteFile(path, []byte(content), 0o644), os.Chtimes(path, at, at))
	}
}

func replaceAs(content string) func(*testing.T, string, time.Time) {
	return func(t *testing.T, path string, at time.Time) {
		writeAs(content)(t, path+".new", at)
		must(t, os.Rename(path+".new", path))
	}
}
