package house

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

var platforms = []string{
	"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64",
}

// TestEveryPlatform type-checks everything, tests too, for every platform that
// is released: our own code whole, and the declarations of what it imports.
// Why it compiles nothing is told in docs/decisions/0007-platforms.md.
func TestEveryPlatform(t *testing.T) {
	sources := sources{files: map[string]func() (*ast.File, error){}}
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			goos, goarch, _ := strings.Cut(platform, "/")
			pkgs, err := packages.Load(&packages.Config{
				Mode:  packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps,
				Dir:   moduleDir(t),
				Env:   append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
				Tests: true,
				// In GOFLAGS already, but for those who run this test by hand.
				BuildFlags: []string{"-tags=noassets"},
			}, "./...")
			if err != nil {
				t.Fatal(err)
			}
			c := checker{sources: &sources, sizes: types.SizesFor("gc", goarch), done: map[string]*types.Package{}}
			for _, p := range pkgs {
				c.check(p)
			}
			for _, err := range c.errs {
				t.Error(err)
			}
			if c.done[modulePath+"/cmd/botsync"] == nil {
				t.Error("the program was not among what was checked")
			}
		})
	}
}

// checker type-checks packages of one platform.
type checker struct {
	sources *sources
	sizes   types.Sizes
	done    map[string]*types.Package // by ID
	errs    []error
}

func (c *checker) check(p *packages.Package) *types.Package {
	if p.PkgPath == "unsafe" {
		return types.Unsafe
	}
	if pkg, ok := c.done[p.ID]; ok {
		return pkg
	}
	c.done[p.ID] = nil
	for _, err := range p.Errors {
		c.errs = append(c.errs, err)
	}
	if strings.HasSuffix(p.ID, ".test") { // the main package that runs tests, made by the go command
		return nil
	}
	own := isOwn(p.PkgPath)
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := c.sources.parse(name, own)
		if err != nil {
			c.errs = append(c.errs, err)
		}
		files = append(files, file)
	}
	conf := types.Config{
		Importer:         importer(func(path string) *types.Package { return c.check(p.Imports[path]) }),
		Sizes:            c.sizes,
		IgnoreFuncBodies: !own,
		Error:            func(err error) { c.errs = append(c.errs, err) },
	}
	pkg, _ := conf.Check(p.PkgPath, &c.sources.fset, files, nil)
	c.done[p.ID] = pkg
	return pkg
}

type importer func(path string) *types.Package

func (i importer) Import(path string) (*types.Package, error) {
	if pkg := i(path); pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("importing %s: %w", path, errors.ErrUnsupported)
}

// sources parses each file once, for all platforms.
type sources struct {
	fset  token.FileSet
	mu    sync.Mutex
	files map[string]func() (*ast.File, error)
}

func (s *sources) parse(name string, own bool) (*ast.File, error) {
	s.mu.Lock()
	parse := s.files[name]
	if parse == nil {
		parse = sync.OnceValues(func() (*ast.File, error) {
			file, err := parser.ParseFile(&s.fset, name, nil, parser.SkipObjectResolution)
			if err == nil && !own {
				dropBodies(file)
			}
			return file, err
		})
		s.files[name] = parse
	}
	s.mu.Unlock()
	return parse()
}

// dropBodies makes room: the type-checker ignores the bodies of what is not ours.
func dropBodies(file *ast.File) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
			f.Body.List = nil
		}
	}
}
