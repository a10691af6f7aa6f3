package atomicfile

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWriteReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for _, content := range []string{"one", "", "three"} {
		if err := Write(file, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != content {
			t.Fatalf("got %q, %v; want %q", got, err, content)
		}
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	onlyOne(t, dir)
}

func TestFailureLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// A directory cannot be replaced by a file.
	target := filepath.Join(dir, "target")
	if err := os.MkdirAll(filepath.Join(target, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(target, []byte("new"), 0o600); err == nil {
		t.Fatal("a directory was replaced")
	}
	if _, err := os.Stat(filepath.Join(target, "x")); err != nil {
		t.Fatal(err)
	}
	onlyOne(t, dir)
}

func TestWriteViaLeavesTheDirectoryClean(t *testing.T) {
	t.Parallel()
	dir, temp := t.TempDir(), t.TempDir()
	if err := WriteVia(temp, filepath.Join(dir, "missing", "file"), nil, 0o600); err == nil {
		t.Fatal("written into a directory that is not there")
	}
	if err := WriteVia(temp, filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	onlyOne(t, dir)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Fatalf("left over: %v, %v", left, err)
	}
}

func onlyOne(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v; want one entry", entries, err)
	}
}
