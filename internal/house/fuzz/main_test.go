package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "a_test.go"), "package a\n\nfunc FuzzOne(f *testing.F) {}\n\nfunc FuzzTwo(f *testing.F) {}\n\nfunc Fuzzy() {}\n")
	write(t, filepath.Join(dir, "a", "a.go"), "package a\n\nfunc FuzzNot(f *testing.F) {}\n")
	got, err := find(dir)
	a := filepath.Join(dir, "a")
	if want := []target{{a, "FuzzOne"}, {a, "FuzzTwo"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// What is not there runs, as far as the go command is concerned, and passes.
func TestTargetThatDoesNotRun(t *testing.T) {
	if _, err := (target{".", "FuzzNothing"}).run(t.TempDir(), time.Second); err == nil {
		t.Error("a target that was given no input passed")
	}
}

func TestProgress(t *testing.T) {
	m := progress.FindStringSubmatch("fuzz: elapsed: 5s, execs: 3201 (640/sec), new interesting: 4 (total: 9)")
	if m == nil || m[1] != "3201" {
		t.Errorf("got %q", m)
	}
	if m := progress.FindStringSubmatch("fuzz: elapsed: 0s, gathering baseline coverage: 0/5 completed"); m != nil {
		t.Errorf("got %q from a line without a count", m)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEndedLate(t *testing.T) {
	t.Parallel()
	progress := "fuzz: elapsed: 2s, execs: 10228 (4294/sec), new interesting: 3 (total: 8)\n"
	for text, want := range map[string]bool{
		progress + "--- FAIL: FuzzHandshake (2.39s)\n    context deadline exceeded\nFAIL\n": true,
		progress + "PASS\n": false,
		progress + "--- FAIL: FuzzHandshake (2.39s)\n    fuzzing process hung or terminated unexpectedly: exit status 2\nFAIL\n":            false,
		progress + "--- FAIL: FuzzHandshake (1s)\n    --- FAIL: FuzzHandshake (0s)\n        a_test.go:7: context deadline exceeded\nFAIL\n": false,
		progress + "--- FAIL: FuzzHandshake (2.39s)\n    context deadline exceeded\nFAIL\n    Failing input written to testdata/fuzz\n":     false,
	} {
		if endedLate(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
