package mcp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/root"
)

// maze is a root whose folders have links to everywhere, and something outside
// that must not be found.
func maze(t testing.TB) *root.Root {
	t.Helper()
	r := newRoot(t, root.MCP{})
	top := filepath.Dir(r.Dir())
	for _, dir := range []string{filepath.Join(top, "secret"), filepath.Join(r.Dir(), "beside"), filepath.Join(r.Folder("inbox"), "dir", "sub")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file.md"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out": top, "up": "..", "state": "../.botsync", "in": "dir", "self": ".", "abs": filepath.Join(r.Dir(), "beside")} {
		if err := os.Symlink(target, filepath.Join(r.Folder("inbox"), name)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// Whatever a client asks for, list_files finds nothing outside of the synced
// folders, and send_files sends nothing from outside of the root.
func FuzzPaths(f *testing.F) {
	r := maze(f)
	for _, path := range []string{"", ".", "inbox", "inbox/dir", "inbox/../..", "inbox/up/.botsync", "inbox/out/secret", "/etc", r.Dir(), r.Dir() + "/.botsync",
		r.Folder("inbox") + "/self/self/in", "inbox//dir/./sub", "INBOX", ".BOTSYNC", "inbox/abs/file.md", "beside", "inbox/in/sub/file.md", "\x00", "inbox/\xff"} {
		f.Add(path, "*.md", "aW5ib3g", true)
		f.Add(path, "dir/*", "", false)
	}
	f.Fuzz(func(t *testing.T, path, pattern, cursor string, recursive bool) {
		if after, err := readCursor(cursor); err == nil {
			if p, err := placeOf(r.Dir(), path); err == nil {
				files, next, err := walk(t.Context(), r, query{place: p, pattern: pattern, recursive: recursive, after: after, limit: 3})
				if err == nil && next != "" && compare(next, after) <= 0 {
					t.Errorf("after %q comes %q", after, next)
				}
				for _, found := range files {
					folder, rest, _ := strings.Cut(found.path, "/")
					if !slices.Contains(root.Folders, folder) || strings.Contains("/"+rest+"/", "/../") || after != "" && compare(found.path, after) <= 0 {
						t.Errorf("found %q after %q", found.path, after)
					}
					// Where it lies, all links followed, is in the folder.
					real, err := filepath.EvalSymlinks(filepath.Dir(filepath.Join(r.Dir(), found.path)))
					if err != nil || rest != "" && !inside(t, r.Folder(folder), real) {
						t.Errorf("found %q, which is in %s, %v", found.path, real, err)
					}
				}
			}
		}
		if source, err := sourceOf(r, nil, path); err == nil {
			real, err := filepath.EvalSymlinks(source.Path)
			if err != nil || !inside(t, r.Dir(), real) || inside(t, r.StateDir(), real) || inside(t, real, r.StateDir()) {
				t.Errorf("%q may be sent: %s, %v", path, real, err)
			}
		}
	})
}

func inside(t *testing.T, dir, path string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
}
