package house

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// A page that says what is promised names the test that holds it. One that is
// renamed or removed must not leave a claim without proof.
func TestDocumentationNamesTestsThatExist(t *testing.T) {
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, f := range files {
		switch {
		case strings.HasSuffix(f.name, ".txtar"):
			exists[path.Base(f.name)] = true
		case strings.HasSuffix(f.name, "_test.go"):
			for _, m := range function.FindAllStringSubmatch(f.text, -1) {
				exists[m[1]] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*|[a-z-]+\\.txtar)`")
	claims := map[string]int{}
	for _, f := range files {
		if path.Ext(f.name) != ".md" || !strings.HasPrefix(f.name, "docs/") {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(f.text, -1) {
			claims[f.name]++
			if !exists[m[1]] {
				t.Errorf("%s names %s, which does not exist", f.name, m[1])
			}
		}
	}
	for page, least := range map[string]int{"docs/safety.md": 40, "docs/threat-model.md": 50} {
		if claims[page] < least {
			t.Errorf("%s names only %d tests", page, claims[page])
		}
	}
}
