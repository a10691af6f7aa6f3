package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A test does not sleep until something has probably happened. What is left is
// the time of a synctest bubble, the pause of a loop that polls, and an actor
// that is meant to be slow, which a comment on the line has to say.
func TestNoSleep(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.isTest() || slices.Contains(f.imports(), "testing/synctest") {
			continue
		}
		explained := map[int]bool{} // lines
		for _, c := range f.ast.Comments {
			explained[fset.Position(c.Pos()).Line] = true
		}
		pauses := map[ast.Node]bool{}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ForStmt:
				for _, stmt := range append(n.Body.List, n.Post) {
					if x, ok := stmt.(*ast.ExprStmt); ok {
						pauses[x.X] = true
					}
				}
			case *ast.CallExpr:
				pos := fset.Position(n.Pos())
				if isCall(n, "time", "Sleep") && !pauses[n] && !explained[pos.Line] {
					t.Errorf("%s sleeps; await a condition instead, or say what for", pos)
				}
			}
			return true
		})
	}
}

// A test that is skipped unseen tests nothing: package needs skips, and does
// not where everything has to run.
func TestSkipsAreGuarded(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.dir() == "internal/needs" || strings.Contains(f.text, "BOTSYNC_TEST_ALL") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Skip" && sel.Sel.Name != "Skipf" && sel.Sel.Name != "SkipNow" {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && isTesting(f.ast, x) {
				t.Errorf("%s skips; use package needs, so that BOTSYNC_TEST_ALL=1 is heeded", fset.Position(n.Pos()))
			}
			return true
		})
	}
}

// isTesting reports whether x is a parameter of a type of package testing. That
// of rapid has a Skip too, which only draws again.
func isTesting(f *ast.File, x *ast.Ident) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil || n.Pos() > x.Pos() || n.End() < x.End() {
			return false
		}
		var typ *ast.FuncType
		switch n := n.(type) {
		case *ast.FuncDecl:
			typ = n.Type
		case *ast.FuncLit:
			typ = n.Type
		default:
			return true
		}
		for _, p := range typ.Params.List { // the innermost function comes last
			if slices.ContainsFunc(p.Names, func(name *ast.Ident) bool { return name.Name == x.Name }) {
				of := p.Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				sel, ok := of.(*ast.SelectorExpr)
				found = ok && isName(sel.X, "testing")
			}
		}
		return true
	})
	return found
}

// A fuzz target without a seed tests nothing when it is not fuzzed.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	targets := 0
	for _, f := range goFiles(t) {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !f.isTest() || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			targets++
			seeded := false
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				seeded = seeded || ok && isCall(call, "f", "Add")
				return true
			})
			corpus, _ := os.ReadDir(filepath.Join("../..", f.dir(), "testdata", "fuzz", fn.Name.Name))
			if !seeded && len(corpus) == 0 {
				t.Errorf("%s: %s has no seed", f.name, fn.Name.Name)
			}
		}
	}
	if targets == 0 {
		t.Error("there is no fuzz target")
	}
}

func isCall(call *ast.CallExpr, x, name string) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	return isName(sel.X, x) && sel.Sel.Name == name
}

func isName(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}
