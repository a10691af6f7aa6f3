//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// A daemon that is killed while it resolves many conflicts has lost nothing, and the
// same command does the rest.
func TestKillWhileResolving(t *testing.T) {
	t.Parallel()
	n := botsynctest.New(t, "laptop")
	n.Init()
	const files = 120
	short, _, _ := strings.Cut(n.Status().Device.ID, "-")
	now := time.Now().Truncate(time.Second).UTC()
	for i := range files {
		for j, ago := range []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour} {
			at := now.Add(-ago)
			name := fmt.Sprintf("%03d.txt", i)
			if j > 0 {
				name = fmt.Sprintf("%03d.sync-conflict-%s-%s.txt", i, at.Format("20060102-150405"), short)
			}
			p := n.Path("shared", name)
			must(t, os.WriteFile(p, fmt.Appendf(nil, "version %d of %d", j, i), 0o600), os.Chtimes(p, at, at))
		}
	}
	conflicts := func() int { return n.Status().Folders[0].Conflicts }
	botsynctest.Await(t, "all conflicts", func() bool { return conflicts() == 2*files })
	for kill := 1; ; kill++ {
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.Run("conflicts", "keep", "oldest", "--all")
		}()
		last := n.Path("shared", fmt.Sprintf("%03d.txt", min(kill*files/4, files-1)))
		botsynctest.Await(t, "some progress, or the end", func() bool {
			select {
			case <-done:
				return true
			default:
			}
			data, err := os.ReadFile(last)
			return err == nil && strings.HasPrefix(string(data), "version 2 ")
		})
		if kill == 4 {
			<-done
			break
		}
		n.Kill()
		<-done
		if kill == 1 {
			leaveMerge(t, n)
		}
		n.Must("start")
	}
	// What a kill came between is in doubt about its author, not about its age.
	if left := conflicts(); left > 0 {
		n.Must("conflicts", "keep", "oldest", "--all")
	}
	if left := conflicts(); left != 0 {
		t.Errorf("%d conflicts are left", left)
	}
	here := texts(t, n)
	for i := range files {
		if text := fmt.Sprintf("version 2 of %d", i); !here[text] {
			t.Errorf("%q is not there", text)
		}
	}
	kept := historyOf(t, n)
	if !kept[leftByMerge] {
		t.Error("what a merge left is not in the history")
	}
	if left := glob(t, n.Path("shared", ".syncthing.botsync-merge-*")); len(left) > 0 {
		t.Errorf("what a merge left is still there: %v", left)
	}
	// A kill can also come when a version that was kept has its last name: Syncthing
	// removes that.
	for _, left := range glob(t, n.Path("shared", ".syncthing.*")) {
		if data, err := os.ReadFile(left); err == nil && !kept[string(data)] && !here[string(data)] {
			t.Errorf("%s is the only one with %q", left, data)
		}
	}
	for i := range files {
		for j := range 2 {
			if text := fmt.Sprintf("version %d of %d", j, i); !kept[text] && !here[text] {
				t.Errorf("%q is lost", text)
			}
		}
	}
}

const leftByMerge = "put into the place of a log that was being merged"

// leaveMerge leaves what a kill between two exchanges of names does: the only copy of a
// file under an unfinished name. It is of last week, so that Syncthing removes it when
// it sees it.
func leaveMerge(t *testing.T, n *botsynctest.Node) {
	t.Helper()
	sum := sha256.Sum256([]byte("log.jsonl"))
	temp := n.Path("shared", ".syncthing.botsync-merge-"+hex.EncodeToString(sum[:8])+".tmp")
	week := time.Now().Add(-7 * 24 * time.Hour)
	must(t, os.WriteFile(temp, []byte(leftByMerge), 0o600), os.Chtimes(temp, week, week),
		os.WriteFile(n.Path(".botsync", "merging.json"), []byte(`{"folder":"shared","path":"log.jsonl"}`), 0o600))
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	must(t, err)
	return found
}
