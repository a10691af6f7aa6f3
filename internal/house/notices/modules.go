package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var platforms = []string{
	"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64",
}

// module is a module of which packages are compiled in.
type module struct {
	path, version string
	terms         []string // the texts of its licence files, in order of their names
}

// modules returns what is compiled in on at least one platform, by path.
func modules() ([]module, error) {
	versions := map[string]string{}
	files := map[string][]string{} // of licences, by module
	for _, platform := range platforms {
		goos, goarch, _ := strings.Cut(platform, "/")
		cmd := exec.Command("go", "list", "-deps", "-tags=noassets", "-json=Dir,Module", "github.com/botsync/botsync/cmd/botsync")
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("listing packages for %s: %w", platform, err)
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var pkg struct {
				Dir    string
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("listing packages for %s: %w", platform, err)
			}
			if m := pkg.Module; m != nil && !m.Main {
				versions[m.Path] = m.Version
				for _, f := range licenceFiles(pkg.Dir, m.Dir) {
					if !slices.Contains(files[m.Path], f) {
						files[m.Path] = append(files[m.Path], f)
					}
				}
			}
		}
	}
	var list []module
	for path, version := range versions {
		m := module{path: path, version: version}
		slices.Sort(files[path])
		for _, f := range files[path] {
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, fmt.Errorf("reading the terms of %s: %w", path, err)
			}
			m.terms = append(m.terms, tidy(string(text)))
		}
		if len(m.terms) == 0 {
			return nil, fmt.Errorf("reading the terms of %s: there are none", path)
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return list, nil
}

var licenceName = regexp.MustCompile(`(?i)^(.*[-_.])?(licen[cs]e|unlicense|copying|notice)([-_.].*)?$`)

// licenceFiles returns those in dir and in the directories above it, up to top.
func licenceFiles(dir, top string) []string {
	var files []string
	for {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			name := e.Name()
			if e.Type().IsRegular() && licenceName.MatchString(name) && filepath.Ext(name) != ".go" && !strings.Contains(name, "LOGO") {
				files = append(files, filepath.Join(dir, name))
			}
		}
		if dir == top || len(dir) <= len(top) {
			return files
		}
		dir = filepath.Dir(dir)
	}
}

var lineEnd = regexp.MustCompile(`[ \t\r\f]*\n`)

func tidy(text string) string {
	return strings.Trim(lineEnd.ReplaceAllString(text+"\n", "\n"), "\n") + "\n"
}
