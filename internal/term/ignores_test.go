package term

import (
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

func TestIgnores(t *testing.T) {
	t.Parallel()
	secret := api.IgnoreReason{Pattern: ".env", Class: "secret", Why: "secret: it stays", From: "default"}
	own := api.IgnoreReason{Pattern: "*.l\x1bog", Class: "pattern", Why: "a pattern", From: "shared/.botsyncignore", Line: 3}
	for _, tt := range []struct {
		list api.Ignores
		want string
	}{
		{api.Ignores{}, "Nothing is kept out.\n"},
		{api.Ignores{Total: 7, Entries: []api.IgnoredOne{{Path: "shared/.env", Size: 20, IgnoreReason: secret}, {Path: "shared/l\x1bogs", Directory: true, IgnoreReason: own}}},
			"shared/.env    20 B  .env     default                  secret: it stays\nshared/l.ogs/        *.l.og  shared/.botsyncignore:3  a pattern\nand 5 more; --limit 0 lists all\n"},
		{api.Ignores{Path: "shared/.env", Explained: &api.Explained{Ignored: true, IgnoreReason: secret}}, "shared/.env is kept out by .env (default): secret: it stays.\n"},
		{api.Ignores{Path: "shared/a", Explained: &api.Explained{IgnoreReason: own}}, "shared/a is synced, by *.l.og (shared/.botsyncignore:3).\n"},
		{api.Ignores{Path: "shared/b", Explained: &api.Explained{}}, "shared/b is synced: no pattern matches it.\n"},
		{api.Ignores{Path: "shared/b", Explained: &api.Explained{Missing: true}}, "shared/b would be synced: no pattern matches it.\n"},
		{api.Ignores{Path: "shared/a", Explained: &api.Explained{Missing: true, IgnoreReason: own}}, "shared/a would be synced, by *.l.og (shared/.botsyncignore:3).\n"},
	} {
		got := renderIgnores(&tt.list, 200)
		if strings.Contains(got, "\x1b") {
			t.Errorf("a control character gets through: %q", got)
		}
		if strings.Join(strings.Fields(clean(got)), " ") != strings.Join(strings.Fields(clean(tt.want)), " ") {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
	kept := keptDirs(&api.Status{Folders: []api.Folder{{Name: "shared", KeptTotal: 3, Kept: []api.KeptDir{{Path: "shared/a", Holds: "shared/a/.env", IgnoreReason: secret}}}}})
	if want := "  shared/a was deleted by a peer and stays here: it holds shared/a/.env (secret: it stays)\n  and 2 more directories in shared\n"; kept != want {
		t.Errorf("got %q, want %q", kept, want)
	}
}

func TestFailedFilesInStatus(t *testing.T) {
	t.Parallel()
	f := api.Folder{Name: "shared", FailedTotal: 7}
	for range 6 {
		f.Failed = append(f.Failed, api.FailedFile{Path: "shared/a\x1b", Reason: "no room"})
	}
	got := failedFiles(&api.Status{Folders: []api.Folder{f, {Name: "inbox"}}})
	if want := strings.Repeat("  shared/a.: no room\n", 5) + "  and 2 more files in shared that cannot be synced\n"; clean(got) != want || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

// clean takes what stands for a control character for a dot.
func clean(s string) string { return strings.NewReplacer(Clean("\x1b"), ".").Replace(s) }
