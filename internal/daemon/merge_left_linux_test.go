package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/swap"
)

// newPair is a daemon that has made one of two versions of shared/logs/log, which is
// not in its place yet.
func newPair(t *testing.T) (*pair, string) {
	t.Helper()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "r"), root.Config{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(r.Folder("shared"), "logs")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"log": "0\n1\n", "copy": "0\n2\n"} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := &daemon{root: r, history: history.NewStore(r.VersionsDir(), nil), clock: rightClock(t), members: &members{}, log: slog.New(slog.DiscardHandler)}
	p := &pair{d: d, c: &inConflict{folder: "shared", path: "logs/log"}}
	if p.dir, err = d.openDir(p.c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.dir.Close() })
	for name, s := range map[string]**side{"log": &p.current, "copy": &p.copied} {
		f, err := p.dir.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		*s = &side{File: f, name: name, path: "logs/" + name, info: info}
	}
	if err := p.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, at
}

// kept reports whether a version in the history has a text.
func (p *pair) kept(t *testing.T, text string) bool {
	t.Helper()
	found := false
	if err := filepath.WalkDir(p.d.root.VersionsDir(), func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			data, err := os.ReadFile(name)
			found = found || err == nil && strings.Contains(string(data), text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// What is written to the result while it has the name of the file is in the history
// when the names are exchanged back, also what is written by who still has it open.
func TestWhoWritesBetweenTwoExchangesLosesNothing(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ closed, written, kept bool }{
		"closed": {true, true, true}, "still open": {false, true, true}, "nobody": {true, false, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p, at := newPair(t)
			p.noted = true
			if err := errors.Join(p.d.noteMerge(p.c), swap.Exchange(p.dir, p.temp, "log")); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(filepath.Join(at, "log"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			write := func() {
				if _, err := f.WriteString("written meanwhile\n"); err != nil {
					t.Fatal(err)
				}
			}
			if test.closed {
				if test.written {
					write()
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := swap.Exchange(p.dir, p.temp, "log"); err != nil {
				t.Fatal(err)
			}
			p.close()
			if !test.closed {
				write()
			}
			if got := p.kept(t, "written meanwhile"); got != test.kept {
				t.Errorf("kept: %v", got)
			}
			p.nothingLeft(t)
		})
	}
}

func (p *pair) nothingLeft(t *testing.T) {
	t.Helper()
	left, _ := filepath.Glob(filepath.Join(p.d.root.Folder("shared"), "logs", ".syncthing.*"))
	if _, err := os.Lstat(p.d.root.MergingPath()); len(left) > 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left over: %q, %v", left, err)
	}
}

// After a kill between two exchanges a file that somebody has put in the place of the
// current one is there once, under a name that Syncthing removes: it is put into the
// history, and stays where it is as long as that fails.
func TestWhatAMergeLeftIsKept(t *testing.T) {
	t.Parallel()
	p, at := newPair(t)
	if err := errors.Join(p.d.noteMerge(p.c), os.WriteFile(filepath.Join(at, "editor"), []byte("of the editor"), 0o600),
		os.Rename(filepath.Join(at, "editor"), filepath.Join(at, "log")), swap.Exchange(p.dir, p.temp, "log")); err != nil {
		t.Fatal(err)
	}
	full := &daemon{root: p.d.root, history: history.NewStore(filepath.Join(p.d.root.ConfigPath(), "no directory"), nil), clock: p.d.clock, members: p.d.members, log: p.d.log}
	if err := full.finishMerge(); err == nil {
		t.Error("it is not kept, and that is no error")
	}
	if err := full.mergeCopy(t.Context(), p.c, version{path: "logs/copy"}); err == nil || cannotMerge(err) {
		t.Errorf("the next merge went on: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(at, p.temp)); err != nil || string(data) != "of the editor" {
		t.Fatalf("%q, %v", data, err)
	}
	if err := p.d.finishMerge(); err != nil || !p.kept(t, "of the editor") {
		t.Errorf("it is not kept: %v", err)
	}
	p.nothingLeft(t)
	if err := p.d.finishMerge(); err != nil {
		t.Error(err)
	}
}

// A directory in the way of the one that is open, or a link, is not kept from.
func TestOnlyTheOpenDirectoryIsKeptFrom(t *testing.T) {
	t.Parallel()
	p, at := newPair(t)
	elsewhere := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(elsewhere, "log"), []byte("secret"), 0o600), os.Rename(at, at+"2"), os.Symlink(elsewhere, at)); err != nil {
		t.Fatal(err)
	}
	if err := swap.Drop(p.dir, "log", p.keep); err == nil || p.kept(t, "secret") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(filepath.Join(at+"2", "log")); err != nil {
		t.Error(err)
	}
}

// A merge leaves as much room as receiving does, and is tried again.
func TestMergeLeavesRoom(t *testing.T) {
	t.Parallel()
	p, _ := newPair(t)
	if err := p.hasRoom(math.MaxInt64); !errors.Is(err, syscall.ENOSPC) || cannotMerge(err) {
		t.Errorf("%v", err)
	}
}

// Who waits for another who resolves can be told to wait no longer.
func TestResolvingCanBeGivenUp(t *testing.T) {
	t.Parallel()
	d := &daemon{}
	if err := d.resolving.lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := d.resolving.lock(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	d.resolving.unlock()
	if err := d.resolving.lock(t.Context()); err != nil {
		t.Error(err)
	}
}
