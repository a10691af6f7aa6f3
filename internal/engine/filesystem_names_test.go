package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/syncthing/syncthing/lib/fs"
)

// holding is a file system on which nothing is but what it names.
type holding struct {
	fs.Filesystem
	names map[string]bool
}

func (h holding) Lstat(name string) (fs.FileInfo, error) {
	if name == "." || h.names[filepath.ToSlash(name)] {
		return nil, nil
	}
	return nil, &os.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
}

// A name is what is wrong if it, or one above it, is not allowed on Windows and could not be
// given. It is not if there is no directory for it, which is not found either, or if the
// name is there.
func TestNamesThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	const invalid, notFound, denied = syscall.EINVAL, syscall.ENOENT, syscall.EACCES
	for what, test := range map[string]struct {
		name  string
		err   error
		there []string
		names string // what is said to be wrong; empty if the error stays as it is
	}{
		"invalid":                               {name: "a:b", err: invalid, names: `":"`},
		"not found":                             {name: "a:b", err: notFound, names: `":"`},
		"the error says where":                  {name: "a:b", err: &os.PathError{Op: "open", Path: "a:b", Err: invalid}, names: `":"`},
		"no error":                              {name: "a:b"},
		"another error":                         {name: "a:b", err: denied},
		"a good name":                           {name: "a", err: invalid},
		"in a directory":                        {name: "dir/a:b", err: invalid, there: []string{"dir"}, names: `":"`},
		"the directory is missing":              {name: "dir/a:b", err: notFound, there: []string{"elsewhere"}},
		"a directory above it is missing":       {name: "top/dir/a:b", err: notFound, there: []string{"top"}},
		"the directory's name":                  {name: "a:b/file", err: notFound, names: `":"`},
		"the name of one above it":              {name: "top/a:b/dir/file", err: notFound, there: []string{"top"}, names: `":"`},
		"the directory's name before its own":   {name: "a?b/c:d", err: notFound, names: `"?"`},
		"its own, the directory's can be given": {name: "a?b/c:d", err: invalid, there: []string{"a?b"}, names: `":"`},
		"it is there":                           {name: "a:b", err: invalid, there: []string{"a:b"}},
		"the directory is there":                {name: "a:b/file", err: notFound, there: []string{"a:b"}},
		"the folder itself":                     {name: ".", err: invalid},
	} {
		there := map[string]bool{}
		for _, n := range test.there {
			there[n] = true
		}
		got := namingFS{holding{names: there}}.named(filepath.FromSlash(test.name), test.err)
		if test.names == "" {
			if got != test.err {
				t.Errorf("%s: %v, want %v", what, got, test.err)
			}
			continue
		}
		if !errors.Is(got, errName) || !strings.Contains(got.Error(), test.names) || !strings.Contains(got.Error(), test.err.Error()) {
			t.Errorf("%s: %v", what, got)
		}
		if fs.IsNotExist(got) {
			t.Errorf("%s: it is taken for a file that is missing: %v", what, got)
		}
	}
}
