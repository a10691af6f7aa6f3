package daemon

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
)

// What systems and Syncthing say has a stable code, and words of its own.
func TestFailedFiles(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"scan: open /x/a: " + syscall.EACCES.Error():                                                                                                                    api.FailedPermission,
		"syncing: " + (&fs.PathError{Op: "open", Path: "a", Err: syscall.EPERM}).Error():                                                                                api.FailedPermission,
		"syncing: replacing file: rename a b: Access is denied.":                                                                                                        api.FailedPermission,
		"syncing: " + (&fs.PathError{Op: "mkdir", Path: "a", Err: syscall.EROFS}).Error():                                                                               api.FailedReadOnly,
		"syncing: finishing: write a: " + syscall.ENOSPC.Error():                                                                                                        api.FailedNoSpace,
		"syncing: write a: There is not enough space on the disk.":                                                                                                      api.FailedNoSpace,
		"syncing: write a: " + syscall.EDQUOT.Error():                                                                                                                   api.FailedNoSpace,
		`syncing: insufficient space in folder "shared" (n-shared) (/x): current 1 MB < required 2 MB`:                                                                  api.FailedNoSpace,
		"syncing: rename: The process cannot access the file because it is being used by another process.":                                                              api.FailedInUse,
		"syncing: open a: " + syscall.ETXTBSY.Error():                                                                                                                   api.FailedInUse,
		"syncing: mkdir a: " + syscall.ENAMETOOLONG.Error():                                                                                                             api.FailedNameLong,
		"syncing: open a: The filename or extension is too long.":                                                                                                       api.FailedNameLong,
		`syncing: remote "A" uses different upper or lowercase characters than local "a"; change the casing on either side to match the other`:                          api.FailedNameCase,
		`syncing: name is invalid, contains Windows reserved character: ":"`:                                                                                            api.FailedNameBad,
		"syncing: name is invalid, must not end in space or period on Windows":                                                                                          api.FailedNameBad,
		`syncing: creating directory: the file name is invalid on this file system: "?" is not allowed in a name`:                                                       api.FailedNameBad,
		"syncing: symlink create: symlinks not supported by this file system":                                                                                           api.FailedNoLinks,
		"scan: item is not in UTF8 encoding":                                                                                                                            api.FailedNameUTF8,
		"syncing: checking existing file: file modified but not rescanned; will try again later":                                                                        api.FailedChanging,
		"scan: the file is being written":                                                                                                                               api.FailedChanging,
		"syncing: no connected device has the required version of this file":                                                                                            api.FailedAway,
		"syncing: delete dir: directory has been deleted on a remote device but is not empty; the contents are probably ignored on that remote device, but not locally": api.FailedNotEmpty,
		"syncing: finishing: save: " + syscall.EMFILE.Error():                                                                                                           api.FailedOther,
		"syncing: the moon is full":                                                                                                                                     api.FailedOther,
	} {
		got := failedFile("shared", engine.FileError{Path: "dir/a", Err: said})
		if got.Code != want || got.Path != "shared/dir/a" || got.Reason == "" || got.Hint == "" || got.Detail != said {
			t.Errorf("%q: %+v, want %s", said, got, want)
		}
		if strings.Contains(got.Reason, "ignored") {
			t.Errorf("%q is told as ignored: %s", said, got.Reason)
		}
	}
}

// The list is bounded and has a total; what there is no room for is no problem of
// its own, but that of the disk.
func TestFailedFilesAreBounded(t *testing.T) {
	t.Parallel()
	var failed []engine.FileError
	for i := range 50 {
		failed = append(failed, engine.FileError{Path: fmt.Sprintf("%02d", 49-i), Err: "syncing: insufficient space in folder"})
	}
	f := api.Folder{Name: "shared"}
	if p, lacks := failedFiles(&f, failed); len(p) != 0 || f.FailedTotal != 50 || len(f.Failed) != shownFailed || f.Failed[0].Path != "shared/00" || !lacks {
		t.Errorf("%+v, %v, %+v", p, lacks, f)
	}
	f = api.Folder{Name: "shared"}
	p, _ := failedFiles(&f, append(failed, engine.FileError{Path: "zz", Err: "scan: open zz: permission denied"}))
	if len(p) != 1 || p[0].Code != "files_failed" || p[0].Message != "shared/zz cannot be synced: this user may not read or write it." {
		t.Errorf("%+v", p)
	}
	f = api.Folder{Name: "shared"}
	if p, lacks := failedFiles(&f, nil); p != nil || f.Failed != nil || lacks {
		t.Errorf("%+v, %v, %+v", p, lacks, f)
	}

	// What lacks room is told wherever it stands in the list.
	failed = []engine.FileError{{Path: "zz", Err: "syncing: insufficient space in folder"}}
	for i := range 2 * shownFailed {
		failed = append(failed, engine.FileError{Path: fmt.Sprintf("%02d", i), Err: "scan: open: permission denied"})
	}
	if p, lacks := failedFiles(&f, failed); len(p) != 1 || !lacks {
		t.Errorf("%+v, %v", p, lacks)
	}
}

// Of a path that fills many screens, beginning and end are shown, and how long it is.
func TestLongPathsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("日/", 30_000) + "end"
	got := failedFile("shared", engine.FileError{Path: long, Err: "syncing: creating parent dir: mkdir " + long + ": " + syscall.ENAMETOOLONG.Error()})
	if got.Code != api.FailedNameLong || got.PathBytes != len(long)+7 || !strings.HasPrefix(got.Path, "shared/日/") || !strings.HasSuffix(got.Path, "日/end") {
		t.Errorf("%+v", got)
	}
	other := failedFile("shared", engine.FileError{Path: "a", Err: "syncing: the moon " + long})
	for _, text := range []string{got.Path, got.Detail, other.Reason, other.Detail} {
		if len(text) > shownBytes || !strings.Contains(text, "…") || !utf8.ValidString(text) {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
	if nul := failedFile("shared", engine.FileError{Path: "a\x00b", Err: "syncing: lstat: invalid argument"}); nul.Code != api.FailedNameBad {
		t.Errorf("%+v", nul)
	}
	if other.PathBytes != 0 || other.Path != "shared/a" {
		t.Errorf("%+v", other)
	}
}

// The disk of a folder that lacks room is named, not that of the root.
func TestDisksOf(t *testing.T) {
	t.Parallel()
	devices := map[string]string{"/r": "1", "/r/shared": "2", "/r/deliverables": "1", "/r/inbox": "2"}
	device := func(dir string) (string, error) {
		if id, ok := devices[dir]; ok {
			return id, nil
		}
		return "", fs.ErrNotExist
	}
	for _, tt := range []struct{ lacks, want string }{
		{"", "[{/r false} {/r/shared false}]"},
		{"/r/inbox", "[{/r false} {/r/shared true}]"},
		{"/r/deliverables", "[{/r true} {/r/shared false}]"},
		{"/r/gone", "[{/r true} {/r/shared false}]"},
	} {
		var dirs []onDisk
		for _, dir := range []string{"/r", "/r/gone", "/r/shared", "/r/deliverables", "/r/inbox"} {
			dirs = append(dirs, onDisk{dir, dir == tt.lacks})
		}
		if got := fmt.Sprint(disksOf(dirs, device)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.lacks, got, tt.want)
		}
	}
}

func TestDiskProblem(t *testing.T) {
	t.Parallel()
	const mebi = 1 << 20
	for _, tt := range []struct {
		free  uint64
		lacks bool
		want  string
	}{
		{10 << 30, false, ""},
		{10 << 30, true, "has no room for some files (10 GiB free, of which 1.0 GiB stay so)"},
		{900 * mebi, true, "nearly full (900 MiB free): no files are received until 1.0 GiB are"},
		{7 * mebi, false, "full (7.0 MiB free): nothing can be received"},
	} {
		got := diskProblem("/root", engine.DiskRoom{Free: tt.free, Total: 1 << 40}, tt.lacks)
		if (len(got) > 0) != (tt.want != "") || len(got) > 0 && (got[0].Code != "disk_full" || !strings.Contains(got[0].Message, tt.want)) {
			t.Errorf("%d: %+v, want %s", tt.free, got, tt.want)
		}
	}
}
