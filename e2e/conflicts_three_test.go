//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// Three devices are apart for a week, and all edit the same files, also within one second,
// and one edits a conflict copy that another edits as well: every version is in a folder
// or in a history in the end, and all have the same files.
func TestThreeSidesApart(t *testing.T) {
	t.Parallel()
	nodes := []*botsynctest.Node{botsynctest.New(t, "agent"), botsynctest.New(t, "laptop"), botsynctest.New(t, "phone")}
	nodes[1].Join(nodes[0].Init().Code)
	nodes[2].Join(nodes[0].Invite().Code)
	same := func() {
		t.Helper()
		for range 2 { // a copy may have come meanwhile
			for _, n := range nodes {
				n.AwaitPeers(2)
				n.Must("wait", "--synced", "--timeout", "60s")
			}
			awaitSame(t, nodes[0], nodes[1])
			awaitSame(t, nodes[0], nodes[2])
		}
	}
	now := time.Now().Add(-time.Hour).Truncate(time.Second)
	write := func(n *botsynctest.Node, name, text string, at time.Time) {
		t.Helper()
		must(t, os.WriteFile(n.Path("shared", name), []byte(text), 0o644), os.Chtimes(n.Path("shared", name), at, at))
	}
	for i := range 5 {
		write(nodes[0], fmt.Sprint(i, ".txt"), "base", now.Add(-time.Hour))
	}
	same()

	var written []string
	apart := func(names []string, round int, at func(i int) time.Time) {
		t.Helper()
		for _, n := range nodes {
			n.Must("stop")
		}
		for _, name := range names { // who replaces a version has had it
			before, err := os.ReadFile(nodes[0].Path("shared", name))
			must(t, err)
			written = slices.DeleteFunc(written, func(text string) bool { return text == string(before) })
		}
		for i, n := range nodes {
			for _, name := range names {
				text := fmt.Sprintf("%s's %s, %d", n.Name, name, round)
				write(n, name, text, at(i))
				written = append(written, text)
			}
		}
		for _, n := range nodes {
			n.Must("start")
		}
		same()
	}
	names := []string{"0.txt", "1.txt", "2.txt", "3.txt", "4.txt"}
	// In one second, and in the same order of devices and another one.
	apart(names, 1, func(int) time.Time { return now })
	apart(names, 2, func(i int) time.Time { return now.Add(time.Duration(3-i) * time.Minute) })
	var copies []string
	for _, p := range tree(t, nodes[0]) {
		if strings.Contains(p, ".sync-conflict-") && !strings.HasPrefix(filepath.Base(p), ".syncthing.") {
			copies = append(copies, p)
		}
	}
	if len(copies) < 2*len(names) {
		t.Fatalf("only these conflict copies: %q", copies)
	}
	slices.Sort(copies)
	apart(copies[:2], 3, func(i int) time.Time { return now.Add(time.Duration(i) * 300 * time.Millisecond) })

	kept := texts(t, nodes[0])
	for _, n := range nodes {
		for text := range historyOf(t, n) {
			kept[text] = true
		}
	}
	for _, text := range written {
		if !kept[text] {
			t.Errorf("%q is lost", text)
		}
	}
	// Of what was not edited since, the last of each is in the folder.
	here := texts(t, nodes[0])
	for _, n := range nodes {
		for _, name := range names[1:] {
			if text := fmt.Sprintf("%s's %s, 2", n.Name, name); !here[text] {
				t.Errorf("%q is not in the folder", text)
			}
		}
	}
}
