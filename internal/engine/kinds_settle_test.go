package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/conflict"
)

// deviceFiles is an index of which only single entries are read, by device; those of
// all together are below the empty ID.
type deviceFiles struct {
	fileIndex
	files map[protocol.DeviceID]map[string]protocol.FileInfo
}

func (d deviceFiles) GetDeviceFile(_ string, device protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	f, ok := d.files[device][name]
	return f, ok, nil
}

func (d deviceFiles) GetGlobalFile(_, name string) (protocol.FileInfo, bool, error) {
	return d.GetDeviceFile("", protocol.EmptyDeviceID, name)
}

// Nothing gives way to a directory as long as a device that has replaced the
// directory may not have told all of it.
func TestWhatGivesWay(t *testing.T) {
	t.Parallel()
	self, author, other := protocol.DeviceID{1}, protocol.DeviceID{2}, protocol.DeviceID{3}
	cfg := config.FolderConfiguration{Devices: []config.FolderDeviceConfiguration{{DeviceID: self}, {DeviceID: author}, {DeviceID: other}}}
	version := func(n uint64) (v protocol.Vector) { return v.Update(protocol.ShortID(n)) }
	file := protocol.FileInfo{Name: "x", Type: protocol.FileInfoTypeFile, Version: version(2), ModifiedBy: author.Short()}
	dir := protocol.FileInfo{Name: "x", Type: protocol.FileInfoTypeDirectory, Version: version(1)}
	in := protocol.FileInfo{Name: filepath.Join("x", "f"), Type: protocol.FileInfoTypeFile, Version: version(3)}
	older, deleted, mine := in, in, file
	older.Version, deleted.Deleted, mine.ModifiedBy = version(1), true, self.Short()
	for what, test := range map[string]struct {
		here              protocol.FileInfo
		author            []protocol.FileInfo
		wanted            protocol.FileInfo
		gives, told, deny bool
	}{
		"never had it":                     {file, []protocol.FileInfo{file}, in, true, true, false},
		"had another version":              {file, []protocol.FileInfo{file, older}, in, true, true, false},
		"has it still":                     {file, []protocol.FileInfo{file, in}, in, false, false, true},
		"has it still, told by another":    {file, []protocol.FileInfo{dir, in}, in, false, false, true},
		"never told anything":              {file, nil, in, true, false, false},
		"this device made the file":        {mine, nil, in, true, true, false},
		"what is lacking has been deleted": {file, []protocol.FileInfo{file}, deleted, false, false, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			index := deviceFiles{files: map[protocol.DeviceID]map[string]protocol.FileInfo{
				protocol.LocalDeviceID: {"x": test.here},
				protocol.EmptyDeviceID: {"x": test.here, filepath.Join("x", "f"): test.wanted},
				other:                  {"x": dir, filepath.Join("x", "f"): test.wanted},
				author:                 {},
			}}
			for _, f := range test.author {
				index.files[author][f.Name] = f
			}
			w, refused := inTheWay(index, cfg, self.Short(), filepath.Join("x", "f"))
			if (w != nil) != test.gives || (refused == "x") != test.deny {
				t.Fatalf("%+v, refused %q", w, refused)
			}
			if w == nil {
				return
			}
			if w.name != "x" || w.lacking != filepath.Join("x", "f") || w.told != test.told || !w.dir.IsDirectory() {
				t.Errorf("%+v", w)
			}
			index.files[author][filepath.Join("x", "f")] = deleted
			if after, _ := inTheWay(index, cfg, self.Short(), filepath.Join("x", "f")); after == nil || after.state == w.state {
				t.Errorf("after more was told: %+v", after)
			}
		})
	}
}

// What is in the way is so for a while before it gives way, and again after
// something was told about it.
func TestGivingWayWaits(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		pause := map[bool]time.Duration{true: wayPauseTold, false: wayPause}[told]
		state := "a"
		look := func(lacking string) (*inWay, string) {
			if state == "" {
				return nil, ""
			}
			return &inWay{name: "x", lacking: lacking, told: told, state: state}, ""
		}
		var b waysBlocked
		now := time.Now()
		took := func(after time.Duration) int {
			now = now.Add(after)
			due, n := b.due(now), len(b.take(now, look))
			if n > 0 && !due {
				t.Error("took what was not due")
			}
			return n
		}
		b.note([]string{filepath.Join("x", "f")}, now, look)
		if took(pause-1) != 0 {
			t.Error("gave way at once")
		}
		b.note([]string{filepath.Join("x", "f"), filepath.Join("x", "g")}, now, look)
		state = "b"
		if took(1) != 0 || took(pause-1) != 0 {
			t.Error("gave way although something was told")
		}
		if took(1) != 1 || took(pause) != 0 {
			t.Error("did not give way once")
		}
		b.note([]string{filepath.Join("x", "f")}, now, look)
		state = ""
		if took(pause) != 0 || b.due(now.Add(wayPause)) {
			t.Error("gave way after that was settled otherwise")
		}
	}
}

// However much is lacking, little of it is looked at.
func TestFewLooksAtWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	const many = 5 * maxWayLooks
	for what, test := range map[string]struct {
		name           string // with the number of a path
		blocks, denied bool
		most           int
	}{
		"below one that gives way":  {"x/d/%d", true, false, 1},
		"below one that does not":   {"x/d/%d", false, true, maxRefusals},
		"below as many":             {"x%d/f", true, false, maxWays},
		"below as many that do not": {"x%d/f", false, true, maxWayLooks},
		"below nothing":             {"x/d/%d", false, false, maxWayLooks},
	} {
		var lacking []string
		for n := range many {
			lacking = append(lacking, filepath.FromSlash(fmt.Sprintf(test.name, n)))
		}
		looks := 0
		var b waysBlocked
		b.note(lacking, time.Now(), func(p string) (*inWay, string) {
			looks++
			top, _, _ := strings.Cut(p, string(filepath.Separator))
			if test.blocks {
				return &inWay{name: top, lacking: p}, ""
			}
			if test.denied {
				return nil, top
			}
			return nil, ""
		})
		if looks == 0 || looks > test.most {
			t.Errorf("%s: %d looks, want at most %d", what, looks, test.most)
		}
	}
}

// The directory that takes the place of a file has the mode that it has elsewhere.
// Nothing is moved that is not what the index says, or is behind a link.
func TestMakeWay(t *testing.T) {
	t.Parallel()
	file := protocol.FileInfo{Name: "x", Type: protocol.FileInfoTypeFile, ModifiedBy: deviceOne}
	dir := protocol.FileInfo{Name: "x", Type: protocol.FileInfoTypeDirectory, Permissions: 0o757}
	root, fsys, index, _ := copiesIn(t, map[string]string{"x": "text"})
	index.here["x"] = file
	must(t, os.Mkdir(filepath.Join(root, "usual"), 0o777))
	usual, err := os.Stat(filepath.Join(root, "usual"))
	must(t, err, os.Remove(filepath.Join(root, "usual")))
	aside := filepath.Join(root, conflict.Make("x", copiedAt, deviceOne.String()))
	for what, test := range map[string]struct {
		foreign, ignore bool
		want            os.FileMode
	}{
		"mode of the other device": {false, false, 0o757},
		"a device without modes":   {true, false, usual.Mode().Perm()},
		"modes are ignored":        {false, true, usual.Mode().Perm()},
	} {
		dir.NoPermissions = test.foreign
		made, err := makeWay(fsys, &inWay{name: "x", here: file, dir: dir}, test.ignore)
		info, err2 := os.Stat(filepath.Join(root, "x"))
		data, err3 := os.ReadFile(aside)
		must(t, err, err2, err3)
		if !made || !info.IsDir() || runtime.GOOS != "windows" && info.Mode().Perm() != test.want || string(data) != "text" {
			t.Errorf("%s: %v, %v, want %v; the copy holds %q", what, made, info.Mode(), test.want, data)
		}
		if made, err := makeWay(fsys, &inWay{name: "x", here: file, dir: dir}, false); made || err != nil {
			t.Errorf("%s, when there is a directory: %v, %v", what, made, err)
		}
		must(t, os.Remove(filepath.Join(root, "x")), os.Rename(aside, filepath.Join(root, "x")))
	}
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "f"), nil, 0o600), os.Symlink(outside, filepath.Join(root, "l")))
	if made, err := makeWay(fsys, &inWay{name: filepath.Join("l", "f"), here: file, dir: dir}, false); made || err == nil {
		t.Errorf("behind a link: %v, %v", made, err)
	}
	if made, err := makeWay(fsys, &inWay{name: "l", here: file, dir: dir}, false); made || err != nil {
		t.Errorf("a link instead of a file: %v, %v", made, err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 || entries[0].Name() != "f" {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

// All devices give the same name to the copy of a link, whatever its time on the disk.
func TestConflictCopyOfLink(t *testing.T) {
	t.Parallel()
	root, fsys, index, _ := copiesIn(t, nil)
	index.here["l"] = protocol.FileInfo{Name: "l", Type: protocol.FileInfoTypeSymlink, ModifiedBy: deviceOne, ModifiedS: copiedAt.Unix()}
	name := func(after time.Duration) string { return conflict.Make("l", copiedAt.Add(after), deviceOne.String()) }
	copied := func(target string) {
		t.Helper()
		must(t, os.Symlink(target, filepath.Join(root, "l")), fsys.Rename("l", conflict.Make("l", time.Now(), deviceTwo.String())))
	}
	copied("a")
	copied("a") // is kept already
	copied("b")
	entries, err := os.ReadDir(root)
	must(t, err)
	if len(entries) != 2 || entries[0].Name() != name(0) || entries[1].Name() != name(time.Second) {
		t.Errorf("the copies are %v", entries)
	}
	for n, want := range []string{"a", "b"} {
		if got, err := fsys.ReadSymlink(name(time.Duration(n) * time.Second)); err != nil || got != want {
			t.Errorf("copy %d: %q, %v", n, got, err)
		}
	}
}
