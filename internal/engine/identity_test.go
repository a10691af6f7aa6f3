package engine

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestIdentityIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := LoadIdentity(dir); !errors.Is(err, ErrNoIdentity) {
		t.Fatalf("of an empty directory: %v", err)
	}
	made, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadIdentity(dir)
	if err != nil || loaded.ID != made.ID {
		t.Fatalf("made %s, loaded %s, %v", made.ID, loaded.ID, err)
	}
	if id, err := ParseID(made.ID); err != nil || id != made.ID {
		t.Fatalf("%s is no device ID: %v", made.ID, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestDamagedIdentityIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	for _, file := range []string{CertFile, KeyFile} {
		for name, damage := range map[string]func(path string) error{
			"missing":   os.Remove,
			"empty":     func(p string) error { return os.Truncate(p, 0) },
			"truncated": func(p string) error { return os.Truncate(p, 60) },
			"rubbish":   func(p string) error { return os.WriteFile(p, []byte("rubbish"), 0o600) },
		} {
			t.Run(name+" "+file, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if _, err := CreateIdentity(dir); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, file)
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(path)
				_, err := LoadIdentity(dir)
				if err == nil || errors.Is(err, ErrNoIdentity) || !strings.Contains(err.Error(), file) {
					t.Fatalf("got %v, want an error that names %s", err, file)
				}
				if after, _ := os.ReadFile(path); string(after) != string(before) {
					t.Fatal("the file was changed")
				}
			})
		}
	}
}
