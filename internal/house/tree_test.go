package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/botsync/botsync"

// file is a file of the repository.
type file struct {
	name string // from the top, slash-separated
	text string
	ast  *ast.File // nil if it is no Go
}

func (f file) dir() string   { return path.Dir(f.name) }
func (f file) isTest() bool  { return strings.HasSuffix(f.name, "_test.go") }
func (f file) lines() int    { return strings.Count(f.text, "\n") }
func isOwn(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

// imports returns what a Go file imports.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

var fset = token.NewFileSet()

// tree reads the repository once, but for what is built in it.
var tree = sync.OnceValues(func() ([]file, error) {
	var files []file
	top := os.DirFS("../..")
	err := fs.WalkDir(top, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (name == ".git" || name == "bin" || name == "dist"):
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(top, name)
		if err != nil {
			return err
		}
		f := file{name: name, text: string(text)}
		if strings.HasSuffix(name, ".go") {
			f.ast, err = parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		}
		files = append(files, f)
		return err
	})
	return files, err
})

// goFiles returns the Go files of the repository.
func goFiles(t *testing.T) []file {
	t.Helper()
	var files []file
	for _, f := range allFiles(t) {
		if f.ast != nil {
			files = append(files, f)
		}
	}
	return files
}

func allFiles(t *testing.T) []file {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// moduleDir returns the directory of the module.
func moduleDir(t *testing.T) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(wd))
}
