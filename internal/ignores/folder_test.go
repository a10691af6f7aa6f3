package ignores

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type folderTest struct {
	*testing.T
	dir, copy string
	*Folder
}

func newFolderTest(t *testing.T) *folderTest {
	f := &folderTest{T: t, dir: t.TempDir(), copy: filepath.Join(t.TempDir(), "copy")}
	f.reopen()
	return f
}

func (f *folderTest) reopen() { f.Folder = Open(f.dir, f.copy) }

func (f *folderTest) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// keeps fails unless these names, and no others, are kept out.
func (f *folderTest) keeps(names string) {
	f.Helper()
	set := f.Set()
	var got []string
	for _, name := range []string{"a", "b", "c", ".env"} {
		if set.Match(name).Ignored {
			got = append(got, name)
		}
	}
	if strings.Join(got, " ") != names {
		f.Errorf("%v is kept out, want %s", got, names)
	}
}

func (f *folderTest) says(want string) {
	f.Helper()
	f.Set()
	var got string
	for _, e := range f.Errors() {
		got += e.Error()
	}
	if got != want {
		f.Errorf("errors: %q, want %q", got, want)
	}
}

// A file that comes or changes takes effect at the next look; with one that
// cannot be used, the patterns before hold, also after a restart.
func TestLastGoodPatternsHold(t *testing.T) {
	t.Parallel()
	f := newFolderTest(t)
	f.keeps(".env")
	f.write(SharedName, "a\n")
	f.keeps("a .env")
	f.says("")
	f.write(SharedName, "a\nbb\n#include ../x\n")
	f.keeps("a .env")
	f.says(".botsyncignore, line 3: #include is for .stignore; a file that syncs names no others")
	f.reopen()
	f.keeps("a .env")
	f.says(".botsyncignore, line 3: #include is for .stignore; a file that syncs names no others")
	f.write(SharedName, "b\n!.env\n")
	f.keeps("b .env")
	f.says("")
	f.write(LocalName, "!.env\n")
	f.keeps("b")
	f.write(LocalName, "!.env\n#include more\n")
	f.says(".stignore, line 2: more: file does not exist")
	f.write("more", "c\n")
	f.keeps("b c")
	f.write("more", "a\nc")
	f.keeps("a b c")

	// What is no file with patterns at all.
	if err := os.Truncate(filepath.Join(f.dir, SharedName), 1<<30); err != nil {
		f.Fatal(err)
	}
	f.keeps("a b c")
	f.says(".botsyncignore: it is larger than 64 KiB")
	if runtime.GOOS == "windows" {
		return
	}
	if err := errors.Join(os.Remove(filepath.Join(f.dir, SharedName)), os.Symlink("more", filepath.Join(f.dir, SharedName))); err != nil {
		f.Fatal(err)
	}
	f.keeps("a b c")
	f.says(".botsyncignore: it cannot be read: it is not a regular file")
	if err := errors.Join(os.Remove(filepath.Join(f.dir, SharedName)), os.Mkdir(filepath.Join(f.dir, SharedName), 0o700)); err != nil {
		f.Fatal(err)
	}
	f.says(".botsyncignore: it cannot be read: it is not a regular file")
}

// Without a copy of what was before, the lines that can be used hold.
func TestGoodLinesHold(t *testing.T) {
	t.Parallel()
	f := newFolderTest(t)
	f.write(SharedName, "a\n[x\nb\n")
	f.keeps("a b .env")
	f.says(`.botsyncignore, line 2: "[x" is not a pattern: unexpected end of input`)
}

// A file that is missing for a moment, as while a program replaces it, is not
// removed; one that stays away is.
func TestMissingForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolderTest(t)
		f.write(SharedName, "a\n")
		f.keeps("a .env")
		if err := os.Remove(filepath.Join(f.dir, SharedName)); err != nil {
			t.Fatal(err)
		}
		f.keeps("a .env")
		f.write(LocalName, "c")
		f.keeps("a c .env")
		f.write(SharedName, "b\n\n")
		f.keeps("b c .env")
		if err := os.Remove(filepath.Join(f.dir, SharedName)); err != nil {
			t.Fatal(err)
		}
		f.keeps("b c .env")
		time.Sleep(goneAfter)
		f.keeps("c .env")
		if _, err := os.Stat(f.copy); err == nil {
			t.Error("the copy of a file that was removed stays")
		}
	})
}
