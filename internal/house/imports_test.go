package house

import (
	"slices"
	"strings"
	"testing"
)

// mayImport says which packages of ours each package may import. A package that
// is not in the table has no place in the house yet: add it, and a line to
// docs/architecture.md.
var mayImport = map[string][]string{
	"cmd/botsync": {"internal/api", "internal/cli", "internal/daemon", "internal/engine", "internal/relay"},

	// What shows something knows only what the daemon said.
	"internal/cli": {"internal/api", "internal/atomicfile", "internal/code", "internal/control", "internal/mcp", "internal/root", "internal/term",
		"internal/ticket", "skills"},
	"internal/mcp": {"internal/api", "internal/control", "internal/root", "internal/term"},

	"internal/control":  {"internal/api", "internal/root"},
	"internal/activity": {"internal/api", "internal/state"},
	"internal/doctor":   {"internal/api"},
	"internal/daemon": {"internal/activity", "internal/api", "internal/atomicfile", "internal/code", "internal/conflict", "internal/control", "internal/doctor", "internal/engine", "internal/history", "internal/ignores", "internal/meeting", "internal/merge", "internal/swap",
		"internal/names", "internal/network", "internal/notify", "internal/pairing", "internal/root", "internal/state", "internal/ticket"},
	"internal/engine": {"internal/atomicfile", "internal/brake", "internal/conflict", "internal/engine/build_with_make_or_with_tags_noassets", "internal/swap",
		"internal/ignores", "internal/names", "internal/watch"},
	"internal/history":         {"internal/atomicfile", "internal/swap"},
	"internal/meeting":         {"internal/meeting/crowd", "internal/meeting/relayurl"},
	"internal/ignores":         {"internal/atomicfile"},
	"internal/network":         {"internal/api", "internal/atomicfile"},
	"internal/notify":          {"internal/api", "internal/root"},
	"internal/pairing":         {"internal/code"},
	"internal/relay":           {"internal/meeting/crowd"},
	"internal/relay/relaytest": {"internal/relay"},
	"internal/root":            {"internal/api", "internal/atomicfile", "internal/meeting/relayurl"},
	"internal/state":           {"internal/api"},
	"internal/term":            {"internal/api", "internal/ticket"},

	// Leaves.
	"internal/api":              {},
	"internal/atomicfile":       {},
	"internal/brake":            {},
	"internal/code":             {},
	"internal/conflict":         {},
	"internal/meeting/crowd":    {},
	"internal/names":            {},
	"internal/meeting/relayurl": {},
	"internal/merge":            {},
	"internal/swap":             {},
	"internal/ticket":           {},
	"internal/watch":            {},
	"skills":                    {},
	"internal/engine/build_with_make_or_with_tags_noassets": {},

	// For tests and developers only.
	"e2e":          {},
	"e2e/machines": {},
	"e2e/openclaw": {},
	"internal/bench": {"internal/api", "internal/atomicfile", "internal/botsynctest", "internal/code", "internal/control",
		"internal/needs", "internal/pairing", "internal/root"},
	"internal/botsynctest":   {"internal/api", "internal/needs"},
	"internal/house":         {},
	"internal/house/fuzz":    {},
	"internal/house/notices": {},
	"internal/needs":         {},
}

// helpers may only be imported by tests and by each other.
var helpers = []string{"internal/botsynctest", "internal/needs", "internal/relay/relaytest", "internal/house", "internal/bench"}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		allowed, known := mayImport[f.dir()]
		if !known {
			t.Errorf("%s: package %s is not in the table of internal/house/imports_test.go", f.name, f.dir())
			continue
		}
		for _, path := range f.imports() {
			if own, ok := strings.CutPrefix(path, modulePath+"/"); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s must not import %s", f.name, own)
			}
		}
	}
}

// Syncthing is the engine's alone, in tests too, but for the one file of meeting
// that uses Syncthing's servers.
func TestOnlyTheEngineKnowsSyncthing(t *testing.T) {
	found := false
	for _, f := range goFiles(t) {
		for _, path := range f.imports() {
			if !strings.HasPrefix(path, "github.com/syncthing/") {
				continue
			}
			found = true
			if f.dir() != "internal/engine" && f.name != "internal/meeting/global_syncthing.go" {
				t.Errorf("%s must not import %s", f.name, path)
			}
		}
	}
	if !found {
		t.Error("nothing imports Syncthing: this test looks in the wrong place")
	}
}

// pureRooms work on what they are handed, so that they can be tested without a
// network, a disk or a second process.
var pureRooms = map[string][]string{
	"internal/api":     {"net", "os", "os/exec", "net/http"},
	"internal/code":    {"net", "os", "os/exec", "net/http"},
	"internal/doctor":  {"os", "os/exec", "net/http"},
	"internal/pairing": {"os", "os/exec", "net/http"},
}

func TestPureRooms(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, path := range f.imports() {
			if !f.isTest() && slices.Contains(pureRooms[f.dir()], path) {
				t.Errorf("%s must not import %s", f.name, path)
			}
		}
	}
}

func TestHelpersAreForTests(t *testing.T) {
	for importer, allowed := range mayImport {
		for _, path := range allowed {
			if slices.Contains(helpers, path) && !slices.Contains(helpers, importer) {
				t.Errorf("the table lets %s import %s, which is for tests", importer, path)
			}
		}
	}
}
