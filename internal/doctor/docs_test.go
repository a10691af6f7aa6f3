package doctor

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

// docs/doctor.md and the program know the same codes.
func TestEveryCodeIsDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	_, checks, ok := strings.Cut(string(page), "\n## The checks\n")
	checks, _, more := strings.Cut(checks, "\n## ")
	if !ok || !more {
		t.Fatal("there is no list of checks")
	}
	var described []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(checks, -1) {
		described = append(described, m[1])
	}
	for _, c := range Codes {
		if !slices.Contains(described, c.Code) {
			t.Errorf("%s is not described", c.Code)
		}
		if !slices.Contains(groups, c.Group) {
			t.Errorf("%s is in no group", c.Code)
		}
	}
	for i, code := range described {
		if !slices.ContainsFunc(Codes, func(c Code) bool { return c.Code == code }) {
			t.Errorf("%s is described, and no code", code)
		}
		if slices.Index(described, code) != i {
			t.Errorf("%s is described twice", code)
		}
	}
}

// docs/resources.md and the program know the same codes of files: a report hides others.
func TestEveryCodeOfAFileIsDescribed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/resources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, codes, _ := strings.Cut(string(page), "\n## Codes\n")
	codes, _, _ = strings.Cut(codes, "\n## ")
	var described []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(codes, -1) {
		described = append(described, m[1])
	}
	slices.Sort(described)
	if known := slices.Sorted(slices.Values(api.FailedCodes)); !slices.Equal(described, known) {
		t.Errorf("described are %q, known %q", described, known)
	}
}

// Every code is used, and no other.
func TestEveryCodeIsUsed(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, f := range files {
		if name := f.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "codes.go" {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source += string(data)
		}
	}
	for _, c := range Codes {
		if !strings.Contains(source, `"`+c.Code+`", `) {
			t.Errorf("nothing checks %s", c.Code)
		}
	}
	used := regexp.MustCompile(`\b(?:b\.(?:ok|warn|fail|skip)\(|add\(api\.Check\w+, )"([a-z_]+)"`).FindAllStringSubmatch(source, -1)
	if len(used) < 50 {
		t.Fatalf("only %d uses were found", len(used))
	}
	for _, m := range used {
		if !slices.ContainsFunc(Codes, func(c Code) bool { return c.Code == m[1] }) {
			t.Errorf("%s is no code", m[1])
		}
	}
}

// Messages of the log that may stand in reports are those that botsync writes.
func TestMessagesAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	source := ""
	for _, dir := range []string{"../activity", "../control", "../daemon", "../engine", "../notify", "../watch"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if data, err := os.ReadFile(dir + "/" + f.Name()); err == nil && strings.HasSuffix(f.Name(), ".go") {
				source += string(data)
			}
		}
	}
	for _, m := range ownMessages {
		if !strings.Contains(source, `"`+m+`"`) {
			t.Errorf("nothing logs %q any more", m)
		}
	}
}
