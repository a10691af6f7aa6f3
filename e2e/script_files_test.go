//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/botsynctest"
)

// await-file FILE [CONTENT]: until it is there, with this content and a newline.
func cmdAwaitFile(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, (len(args) == 1 || len(args) == 2) && !neg, "await-file FILE [CONTENT]")
	await(ts, args[0], func() error {
		matches, err := filepath.Glob(ts.MkAbs(args[0]))
		if err != nil || len(matches) == 0 {
			return errors.Join(err, fs.ErrNotExist)
		}
		data, err := os.ReadFile(matches[0])
		if err == nil && len(args) == 2 && string(data) != args[1]+"\n" {
			return fmt.Errorf("it holds %q", data)
		}
		return err
	})
}

// await-gone FILE: until it is not there.
func cmdAwaitGone(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "await-gone FILE")
	await(ts, args[0]+" is gone", func() error {
		if _, err := os.Lstat(ts.MkAbs(args[0])); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, errors.New("it is there"))
		}
		return nil
	})
}

// await-same-tree DIR DIR: until both hold the same files with the same bytes,
// modes and times, the same directories and the same links.
func cmdAwaitSameTree(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "await-same-tree DIR DIR")
	await(ts, strings.Join(args, " is the same as "), func() error {
		if diff := botsynctest.TreeDiff(ts.MkAbs(args[0]), ts.MkAbs(args[1])); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// remember DIR: for unchanged.
func cmdRemember(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "remember DIR")
	tree, err := botsynctest.Tree(ts.MkAbs(args[0]))
	ts.Check(err)
	worldOf(ts).trees[args[0]] = tree
}

// unchanged DIR [NAME...]: everything is as it was at remember, but for what
// begins with one of these names.
func cmdUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0 && !neg, "unchanged DIR [NAME...]")
	before, ok := worldOf(ts).trees[args[0]]
	if !ok {
		ts.Fatalf("%s was not remembered", args[0])
	}
	now, err := botsynctest.Tree(ts.MkAbs(args[0]))
	ts.Check(err)
	drop := func(lines []string) []string {
		return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
			return slices.ContainsFunc(args[1:], func(name string) bool { return strings.HasPrefix(l, `"`+name) })
		})
	}
	if diff := cmp.Diff(drop(before), drop(now)); diff != "" {
		ts.Fatalf("%s has changed (- before, + now):\n%s", args[0], diff)
	}
}

// no-escapes FILE: no terminal is needed to read it.
func cmdNoEscapes(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "no-escapes FILE")
	for _, r := range ts.ReadFile(args[0]) {
		if r < ' ' && r != '\n' {
			ts.Fatalf("%s contains %q", args[0], r)
		}
	}
}

// holds DIR TEXT: some file below it contains the text, in any case.
func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "[!] holds DIR TEXT")
	text, where := []byte(strings.ToLower(args[1])), ""
	files := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToLower(data), text) {
			where = path
		}
		return err
	}))
	switch {
	case files == 0:
		ts.Fatalf("there is no file in %s", args[0])
	case neg && where != "":
		ts.Fatalf("%s contains %q", where, args[1])
	case !neg && where == "":
		ts.Fatalf("no file in %s contains %q", args[0], args[1])
	}
}

// both-kept DIR LINE LINE: plan.txt and the conflict copy beside it are these.
func cmdBothKept(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 3 && !neg, "both-kept DIR LINE LINE")
	var got []string
	for _, pattern := range []string{"plan.txt", "plan.sync-conflict-*.txt"} {
		matches, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), pattern))
		ts.Check(err)
		if len(matches) != 1 {
			ts.Fatalf("%s: %q", pattern, matches)
		}
		got = append(got, strings.TrimSuffix(ts.ReadFile(matches[0]), "\n"))
	}
	want := slices.Clone(args[1:])
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("the two are %q, not %q", got, want)
	}
}

// rm-glob PATTERN: removes the one file that matches.
func cmdRmGlob(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "rm-glob PATTERN")
	matches, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(matches) != 1 {
		ts.Fatalf("it matches %q", matches)
	}
	ts.Check(os.Remove(matches[0]))
}

// damage-index DIR: every database in it becomes a text.
func cmdDamageIndex(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "damage-index DIR")
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.db"))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("no database is there")
	}
	for _, f := range files {
		ts.Check(os.WriteFile(f, []byte(strings.Repeat("no database at all\n", 100)), 0o600))
	}
}

// empty DIR: nothing is in it.
func cmdEmpty(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "empty DIR")
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s holds %v", args[0], entries)
	}
}
