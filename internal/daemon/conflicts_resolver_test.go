package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/conflict"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

// newResolving is a daemon with conflicts of so many versions each; added is called for
// each version that the history gets.
func newResolving(t *testing.T, conflicts, versions int, added func(store string)) (*resolver, []planned) {
	t.Helper()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "r"), root.Config{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	var plan []planned
	for i := range conflicts {
		c := &inConflict{folder: "shared", id: "id", path: fmt.Sprintf("%02d.txt", i)}
		for j := range versions {
			at := time.Unix(int64(j), 0)
			v := version{path: c.path, current: j == 0, known: true, file: engine.File{Size: 3, Modified: at}}
			if j > 0 {
				v.path = conflict.Make(c.path, at, "AAAAAAA")
			}
			c.versions = append(c.versions, v)
			p := filepath.Join(r.Folder("shared"), v.path)
			if err := errors.Join(os.WriteFile(p, fmt.Appendf(nil, "%d..", j), 0o600), os.Chtimes(p, at, at)); err != nil {
				t.Fatal(err)
			}
		}
		plan = append(plan, planned{c, 0})
	}
	at := filepath.Join(t.TempDir(), "versions")
	d := &daemon{root: r, history: history.NewStore(at, func(int64) { added(at) }), clock: rightClock(t), members: &members{}, log: slog.New(slog.DiscardHandler)}
	return newResolver(d, false), plan
}

// Where the index cannot be had to take up what was done, the answer says what that was,
// and what was left.
func TestAnswerSaysWhatWasResolved(t *testing.T) {
	t.Parallel()
	const all = untold/2 + 5 // of two versions each
	for what, test := range map[string]struct {
		fails             int // so many looks, from the first on
		resolved, skipped int
		untold            bool
		looks             int
	}{
		"nothing fails":  {0, all, 0, false, 2},
		"the first look": {1, untold / 2, 5, false, 2},
		"every look":     {9, untold / 2, 5, true, 2},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, plan := newResolving(t, all, 2, func(string) {})
			looks := 0
			looked := map[string]bool{}
			r.look = func(paths map[string][]string) error {
				if looks++; looks <= test.fails {
					return errors.New("the folder is away")
				}
				for _, p := range paths["id"] {
					looked[p] = true
				}
				return nil
			}
			r.run(t.Context(), plan)
			if len(r.line.Resolved) != test.resolved || len(r.line.Skipped) != test.skipped || (r.line.Untold != nil) != test.untold || looks != test.looks {
				t.Errorf("%d resolved, skipped %+v, untold %v, after %d looks", len(r.line.Resolved), r.line.Skipped, r.line.Untold, looks)
			}
			gone := 0
			for _, p := range plan {
				if _, err := os.Lstat(filepath.Join(r.d.root.Folder("shared"), p.c.versions[1].path)); err != nil {
					gone++
					if !test.untold && !looked[p.c.versions[1].path] {
						t.Errorf("nobody looks at %s", p.c.versions[1].path)
					}
				}
			}
			if gone != test.resolved {
				t.Errorf("%d are resolved", gone)
			}
		})
	}
}

// What fails in the middle says how far it came.
func TestAnswerSaysWhatWasDoneBeforeItFailed(t *testing.T) {
	t.Parallel()
	r, plan := newResolving(t, 1, 3, func(store string) {
		// Nothing more can be kept.
		if err := errors.Join(os.Rename(store, store+"2"), os.WriteFile(store, nil, 0o600)); err != nil {
			t.Error(err)
		}
	})
	r.look = func(map[string][]string) error { return nil }
	r.run(t.Context(), plan)
	if len(r.line.Resolved) != 0 || len(r.line.Skipped) != 1 {
		t.Fatalf("%+v", r.line)
	}
	s, c := r.line.Skipped[0], plan[0].c
	if s.Path != "shared/00.txt" || len(s.Replaced) != 1 || s.Replaced[0].Path != "shared/"+c.versions[1].path || s.Reason == "" {
		t.Errorf("%+v", s)
	}
	if _, err := os.Lstat(filepath.Join(r.d.root.Folder("shared"), c.versions[2].path)); err != nil {
		t.Error(err)
	}
}
