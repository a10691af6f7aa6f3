package engine

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func TestMain(m *testing.M) { botsynctest.Main(m) }

// addStock has a node accept a device, and returns where the node listens and the
// ID of its folder shared.
func addStock(n *botsynctest.Node, id string) (port int, folder string, err error) {
	var added api.AddedLine
	if err := json.Unmarshal([]byte(n.Must("devices", "add", id, "--name", "bad", "--json").Stdout), &added); err != nil {
		return 0, "", err
	}
	xml, err := os.ReadFile(n.Path(".botsync", "engine", configName))
	if err != nil {
		return 0, "", err
	}
	m := regexp.MustCompile(`tcp://0\.0\.0\.0:(\d+)`).FindSubmatch(xml)
	if m == nil {
		return 0, "", fmt.Errorf("%s listens nowhere", n.Name)
	}
	port, err = strconv.Atoi(string(m[1]))
	for _, f := range added.Folders {
		if f.Name == "shared" {
			folder = f.ID
		}
	}
	return port, folder, err
}

// hostile is one thing that a bad peer says.
type hostile struct {
	what  string
	files func(p *badPeer, outside string) []protocol.FileInfo
	cut   bool // the daemon hangs up
	// wrong is part of a path that status has to name, with what is wrong.
	wrong string
}

// named is a file that is as it should be but for its name.
func named(names ...string) func(*badPeer, string) []protocol.FileInfo {
	return func(p *badPeer, _ string) (all []protocol.FileInfo) {
		for _, name := range names {
			all = append(all, p.file(name, p.noise(name)))
		}
		return all
	}
}

// with is a file that is as it should be but for what change does to it.
func with(name string, change func(*protocol.FileInfo)) func(*badPeer, string) []protocol.FileInfo {
	return func(p *badPeer, _ string) []protocol.FileInfo {
		f := p.file(name, p.noise(name))
		change(&f)
		return []protocol.FileInfo{f}
	}
}

var hostiles = []hostile{
	{what: "out of the folder", files: named("../../.ssh/authorized_keys"), cut: true},
	{what: "the folder above", files: named("../escaped"), cut: true},
	{what: "out of it in the middle", files: named("a/../../escaped"), cut: true},
	{what: "an absolute path", files: named("/tmp/botsync-escaped"), cut: true},
	{what: "no name", files: named(""), cut: true},
	{what: "dot", files: named("."), cut: true},
	{what: "dot dot", files: named(".."), cut: true},
	{what: "an unclean name", files: named("a//b"), cut: true},
	{what: "a NUL", files: named("nul\x00name", "nul/\x00"), wrong: "nul"},
	{what: "10,000 characters", files: named(strings.Repeat("n", 10_000)), wrong: "nnnn"},
	{what: "a path of 10,000 characters", files: named(strings.Repeat("long/", 2000) + "x"), wrong: "long/long/"},
	{what: "a directory of 10,000 characters", files: func(p *badPeer, _ string) []protocol.FileInfo {
		return []protocol.FileInfo{p.directory(strings.Repeat("deep/", 2000) + "x"), p.link(strings.Repeat("link/", 2000)+"x", "y")}
	}, wrong: "deep/deep/"},
	{what: "a deletion of 10,000 characters", files: func(p *badPeer, _ string) []protocol.FileInfo {
		return []protocol.FileInfo{p.deleted(strings.Repeat("gone/", 2000) + "x")}
	}},
	{what: "control characters", files: named("bell\x07esc\x1b[31m\nnewline", "\u202egpj.exe")},
	{what: "names of Windows", files: named("CON", "NUL.txt", `..\..\escaped`, `C:\escaped`, "a:stream", "dot.", "space ")},
	{what: "names of the engine's own", files: named(".stfolder", ".stfolder/x", ".stignore", ".stversions/x", ".syncthing.x.tmp")},
	{what: "names of botsync's own", files: named(".botsync/config.toml", ".botsync/identity/key.pem", ".botsync/versions/x")},
	{what: "the marker is deleted", files: func(p *badPeer, _ string) []protocol.FileInfo {
		return []protocol.FileInfo{p.deleted(".stfolder")}
	}},
	{what: "a link out, and a file below it", files: func(p *badPeer, outside string) []protocol.FileInfo {
		return []protocol.FileInfo{p.link("out", outside), p.file("out/escaped", []byte("through a link")), p.link("up", ".."), p.file("up/escaped", []byte("up"))}
	}, wrong: "out/escaped"},
	{what: "a link out, and a deletion below it", files: func(p *badPeer, outside string) []protocol.FileInfo {
		return []protocol.FileInfo{p.link("out", outside), p.deleted("out/precious"), p.link("out2", outside), p.directory("out2/escaped")}
	}},
	{what: "a directory becomes a link out", files: func(p *badPeer, outside string) []protocol.FileInfo {
		return []protocol.FileInfo{p.directory("turn"), p.file("turn/inner", []byte("x")), p.link("turn", outside), p.file("turn/escaped", []byte("x"))}
	}},
	{what: "a link with a NUL", files: func(p *badPeer, _ string) []protocol.FileInfo {
		return []protocol.FileInfo{p.link("nul link", "a\x00b"), p.link("empty link", "")}
	}, wrong: "link"},
	{what: "a huge size", files: with("huge", func(f *protocol.FileInfo) { f.Size = 1 << 62 }), cut: true},
	{what: "a negative size", files: with("negative", func(f *protocol.FileInfo) { f.Size = -5 }), cut: true},
	{what: "a huge block", files: with("huge block", func(f *protocol.FileInfo) { f.Blocks[0].Size = math.MaxInt32; f.Size = math.MaxInt32 }), cut: true},
	{what: "a negative block", files: with("negative block", func(f *protocol.FileInfo) { f.Blocks[0].Size = -1 }), cut: true},
	{what: "an offset out of it", files: with("offset", func(f *protocol.FileInfo) { f.Blocks[0].Offset = 1 << 50 }), cut: true},
	{what: "a hash that is not its own", files: with("hash", func(f *protocol.FileInfo) { f.Blocks[0].Hash = make([]byte, 32) }), wrong: "hash"},
	{what: "blocks of a byte each", files: func(p *badPeer, _ string) []protocol.FileInfo {
		f := p.file("tiny blocks", make([]byte, 1000))
		whole := f.Blocks[0]
		f.Blocks = nil
		for at := range f.Size {
			f.Blocks = append(f.Blocks, protocol.BlockInfo{Hash: whole.Hash, Offset: at, Size: 1})
		}
		return []protocol.FileInfo{f}
	}, cut: true},
	{what: "no hash", files: with("no hash", func(f *protocol.FileInfo) { f.Blocks[0].Hash = nil })},
	{what: "no blocks", files: with("no blocks", func(f *protocol.FileInfo) { f.Blocks = nil }), cut: true},
	{what: "a directory with blocks", files: with("directory", func(f *protocol.FileInfo) { f.Type = protocol.FileInfoTypeDirectory }), cut: true},
	{what: "a type that there is not", files: with("type", func(f *protocol.FileInfo) { f.Type = 99 }), cut: true},
	{what: "set-user-ID", files: with("suid", func(f *protocol.FileInfo) { f.Permissions = 0o6777 })},
	{what: "times that cannot be", files: with("times", func(f *protocol.FileInfo) { f.ModifiedS, f.ModifiedNs = math.MinInt64, -1 }), cut: true},
	{what: "sequences that cannot be", files: with("sequence", func(f *protocol.FileInfo) { f.Sequence = -1 })},
	{what: "a version of everybody", files: with("version", func(f *protocol.FileInfo) {
		f.Version.Counters = nil
		for i := range 100_000 {
			f.Version.Counters = append(f.Version.Counters, protocol.Counter{ID: protocol.ShortID(i + 1), Value: 1})
		}
	}), cut: true},
	{what: "a version after which none can come", files: with("last version", func(f *protocol.FileInfo) { f.Version.Counters[0].Value = math.MaxUint64 }), cut: true},
	{what: "a size without blocks of it", files: with("more", func(f *protocol.FileInfo) { f.Size++ }), cut: true},
	{what: "a file as large as a disk cannot be", files: func(p *badPeer, _ string) []protocol.FileInfo {
		f := p.file("large", p.noise("large"))
		f.Size, f.RawBlockSize, f.Blocks = 1<<44, protocol.MaxBlockSize, nil
		for at := int64(0); at < f.Size; at += protocol.MaxBlockSize {
			f.Blocks = append(f.Blocks, protocol.BlockInfo{Hash: make([]byte, 32), Offset: at, Size: protocol.MaxBlockSize})
		}
		return []protocol.FileInfo{f}
	}, wrong: "large"},
}

// Whatever a member says: nothing outside of the folder is written, read or
// deleted, the daemon lives, what is good arrives in spite of it, and what cannot
// be written is named.
func TestHostilePeer(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	outside := botsynctest.TempDir(t)
	precious := filepath.Join(outside, "precious")
	if err := os.WriteFile(precious, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newBadPeer(t, agent)
	before := around(t, agent, outside)
	pid := agent.PID()
	for i, h := range hostiles {
		t.Logf("%s", h.what)
		files := h.files(p, outside)
		good := fmt.Sprint("good ", i)
		_ = p.announce(files...) && p.announce(append(files, p.file(good, []byte(good)))...)
		if h.cut {
			select {
			case <-p.closed:
			case <-time.After(botsynctest.Patience):
				t.Fatalf("%s: the daemon goes on", h.what)
			}
		}
		botsynctest.Await(t, h.what+": "+good, func() bool {
			if p.isClosed() {
				p.dial()
				_ = p.announce(p.file(good, []byte(good)))
			}
			data, err := os.ReadFile(agent.Path("shared", good))
			return err == nil && string(data) == good
		})
		if after := around(t, agent, outside); after != before {
			t.Fatalf("%s: outside of the folder there was\n%s and now there is\n%s", h.what, before, after)
		}
		if h.wrong != "" {
			agent.AwaitStatus("it names what is wrong: "+h.what, func(s api.Status) bool { return isNamed(s, h.wrong) })
		}
		agent.AwaitStatus("all that is lacking is named: "+h.what, func(s api.Status) bool {
			return !slices.ContainsFunc(s.Folders, func(f api.Folder) bool { return f.NeedFiles != f.FailedTotal })
		})
	}
	if agent.PID() != pid || !agent.Held() {
		t.Error("the daemon is not the one that it was")
	}
	last := fmt.Sprint("good ", len(hostiles)-1)
	laptop.AwaitFile("shared/"+last, last)
	laptop.Write("shared/of the laptop", "hello")
	agent.AwaitFile("shared/of the laptop", "hello")
	for name := range p.asked {
		if strings.Contains(name, "escaped") {
			t.Logf("asked for %q", name)
		}
	}
	if info, err := os.Lstat(agent.Path("shared", "suid")); err != nil || info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		t.Errorf("set-user-ID: %v, %v", info, err)
	}
}

// isNamed reports whether the status names a path.
func isNamed(s api.Status, part string) bool {
	text, _ := json.Marshal([]any{s.Folders, s.Problems})
	return strings.Contains(string(text), part)
}

// around describes everything that a peer must not change: what is beside the
// root and beside the folders, and a directory elsewhere.
func around(t *testing.T, n *botsynctest.Node, outside string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{filepath.Dir(n.Root), outside} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch rel, _ := filepath.Rel(n.Root, path); {
			case rel == "shared" || rel == ".botsync/engine" || rel == ".botsync/versions" || rel == ".botsync/logs":
				fmt.Fprintln(&all, path)
				return fs.SkipDir
			case strings.HasPrefix(rel, ".botsync/"):
				fmt.Fprintln(&all, path) // what is in these changes
			case d.Type().IsRegular():
				data, err := os.ReadFile(path)
				fmt.Fprintf(&all, "%s %q\n", path, data)
				return err
			default:
				fmt.Fprintln(&all, path, d.Type())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat("/tmp/botsync-escaped"); err == nil {
		fmt.Fprintln(&all, "/tmp/botsync-escaped")
	}
	return all.String()
}
