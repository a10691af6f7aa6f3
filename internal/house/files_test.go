package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	maxLines     = 400
	maxMainLines = 30
)

func TestFileSize(t *testing.T) {
	for _, f := range goFiles(t) {
		if n := f.lines(); n > maxLines && !f.isTest() {
			t.Errorf("%s has %d lines; split it at %d by what its parts are about", f.name, n, maxLines)
		}
		if n := f.lines(); n > maxMainLines && f.name == "cmd/botsync/main.go" {
			t.Errorf("%s has %d lines; what is more than %d belongs in a package", f.name, n, maxMainLines)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if !f.isTest() {
			documented[f.dir()] = documented[f.dir()] || f.ast.Doc.Text() != ""
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

// unfinished is written in two halves, so that this file does not contain it.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

func TestNothingUnfinished(t *testing.T) {
	for _, f := range allFiles(t) {
		for i, line := range strings.Split(f.text, "\n") {
			if unfinished.MatchString(line) {
				t.Errorf("%s:%d: finish it, or open an issue: %s", f.name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// The repository must not know the machine on which it was written.
func TestNoMachine(t *testing.T) {
	traces := []string{moduleDir(t), goEnv(t, "GOMODCACHE"), goEnv(t, "GOCACHE")}
	for _, proxy := range regexp.MustCompile(`https?://[^/,|]+`).FindAllString(goEnv(t, "GOPROXY"), -1) {
		traces = append(traces, strings.SplitAfter(proxy, "://")[1])
	}
	for _, f := range allFiles(t) {
		for _, trace := range traces {
			if strings.Contains(f.text, trace) {
				t.Errorf("%s contains %s", f.name, trace)
			}
		}
	}
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeTarget = regexp.MustCompile("(?m)(?:`|^    )make ([a-z]+)")
	target     = regexp.MustCompile(`(?m)^([a-z]+):`)
)

// What the documentation points to has to be there.
func TestDocs(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	pages := 0
	for _, f := range allFiles(t) {
		if !strings.HasSuffix(f.name, ".md") {
			continue
		}
		pages++
		for _, m := range link.FindAllStringSubmatch(f.text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", f.dir(), to)); err != nil {
				t.Errorf("%s links to %s: %v", f.name, m[1], err)
			}
		}
		for _, m := range makeTarget.FindAllStringSubmatch(f.text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s says make %s, which the Makefile does not know", f.name, m[1])
			}
		}
	}
	if pages < 5 {
		t.Errorf("only %d pages were looked at", pages)
	}
}
