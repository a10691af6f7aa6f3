package machines

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every claim of the threat model names a test; one that is renamed or removed
// must not leave a claim without proof.
func TestThreatModelNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	page := readFile(t, "../../docs/threat-model.md")
	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return fs.SkipDir
		case strings.HasSuffix(path, ".txtar"):
			exists[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range function.FindAllSubmatch(data, -1) {
				exists[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*|[a-z-]+\\.txtar)`").FindAllStringSubmatch(page, -1)
	if len(named) < 50 {
		t.Errorf("the page names only %d tests", len(named))
	}
	for _, name := range named {
		if !exists[name[1]] {
			t.Errorf("docs/threat-model.md names %s, which does not exist", name[1])
		}
	}
}
