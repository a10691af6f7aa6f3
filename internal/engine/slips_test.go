package engine

import (
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncthing/syncthing/lib/config"

	"github.com/botsync/botsync/internal/needs"
)

func TestFolderType(t *testing.T) {
	t.Parallel()
	for receives, want := range map[bool]config.FolderType{false: config.FolderTypeSendReceive, true: config.FolderTypeReceiveOnly} {
		if got := folder(config.FolderConfiguration{}, Folder{ID: "f", Path: t.TempDir(), ReceiveOnly: receives}, nil).Type; got != want {
			t.Errorf("%v: %v", receives, got)
		}
	}
}

// What is kept is what was there, once each, whatever takes its name after that.
func TestKeeper(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "reverted")
	k := &keeper{from: from, to: to}
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(name string) {
		t.Helper()
		if err := k.keep(name); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(name, want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
			t.Errorf("%s is kept as %q, %v", name, got, err)
		}
	}
	keep("nothing")
	write(filepath.Join("dir", "file"), "first")
	keep("dir")
	if _, err := os.Stat(to); !errors.Is(err, iofs.ErrNotExist) {
		t.Fatalf("something was kept: %v", err)
	}
	name := filepath.Join("dir", "file")
	keep(name)
	keep(name)
	if err := os.Remove(filepath.Join(from, name)); err != nil {
		t.Fatal(err)
	}
	write(name, "second")
	keep(name)
	kept(name, "first")
	kept(name+".2", "second")
	if found, _ := filepath.Glob(filepath.Join(to, "dir", "*")); len(found) != 2 {
		t.Errorf("kept: %q", found)
	}
	// Where there are no links, a copy.
	if err := copyFile(filepath.Join(from, name), filepath.Join(to, "copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept("copy", "second")
	if err := copyFile(filepath.Join(from, name), filepath.Join(to, "copy"), 0o600); !errors.Is(err, iofs.ErrExist) {
		t.Errorf("a copy over what is there: %v", err)
	}
	if err := os.Symlink("target", filepath.Join(from, "link")); err != nil {
		needs.Skip(t, "this test needs symbolic links: %v", err)
	}
	keep("link")
	keep("link")
	if got, err := os.Readlink(filepath.Join(to, "link")); got != "target" || err != nil {
		t.Errorf("a link is kept as %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(to, "link.2")); !errors.Is(err, iofs.ErrNotExist) {
		t.Error("a link is kept twice")
	}
}
