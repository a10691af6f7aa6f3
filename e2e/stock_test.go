package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/engine"
)

// A Syncthing without botsync is a peer for files and for nothing else. Here it is
// the engine alone, as somebody would have set it up by hand.
func TestStockSyncthing(t *testing.T) {
	t.Parallel()
	a, b := botsynctest.New(t, "a"), botsynctest.New(t, "b")
	b.Join(a.Init().Code)
	awaitNames(a, "b")

	dir := botsynctest.TempDir(t)
	identity, err := engine.CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	settings := engine.Settings{Name: "phone", LANOnly: true}
	phone, err := engine.Open(t.Context(), engine.Options{Dir: filepath.Join(dir, "engine"), Identity: identity}, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	wantError(t, a.Run("devices", "add", "nonsense", "--name", "phone", "--json"), api.ExitUsage, api.CodeUsage)
	wantError(t, a.Run("devices", "add", a.Status().Device.ID, "--name", "phone", "--json"), api.ExitUsage, api.CodeUsage)
	wantError(t, a.Run("devices", "add", identity.ID, "--name", "B", "--json"), api.ExitState, api.CodeExists)
	wantError(t, a.Run("devices", "add", identity.ID, "--name", "x", "--address", "192.0.2.7", "--json"), api.ExitUsage, api.CodeUsage)
	// As people write it down.
	var added api.AddedLine
	line := a.Must("devices", "add", strings.ToLower(strings.ReplaceAll(identity.ID, "-", "")), "--name", "phone",
		"--address", "tcp://127.0.0.1:"+strconv.Itoa(phone.Port()), "--json")
	if err := json.Unmarshal([]byte(line.Stdout), &added); err != nil {
		t.Fatal(err)
	}
	if added.Device.ID != identity.ID || !added.Device.Stock || len(added.Folders) != 3 || len(added.Devices) != 2 {
		t.Fatalf("added: %+v", added)
	}
	a.Must("devices", "add", identity.ID, "--name", "phone") // to read it again
	b.AwaitStatus("the phone", func(s api.Status) bool {
		return slices.ContainsFunc(s.Peers, func(p api.Peer) bool { return p.Name == "phone" && p.Stock })
	})

	// It is connected, and nobody has accepted the folders yet.
	for _, d := range added.Devices {
		settings.Peers = append(settings.Peers, engine.Peer{ID: d.ID, Name: d.Name})
	}
	if err := phone.Apply(settings); err != nil {
		t.Fatal(err)
	}
	awaitProblem(a, "not_shared", "phone")
	a.Write("shared/of a", "hello")
	b.AwaitFile("shared/of a", "hello")
	if r := a.Must("wait", "--synced", "--json"); !strings.Contains(r.Stdout, `"offline":[{"id":"`+identity.ID) {
		t.Fatalf("waited for: %s", r.Stdout)
	}

	// One folder is accepted, and one that it should not have: there it says that b
	// was removed, and that somebody belongs who does not.
	const stranger = "33L4RMI-DIVHRX7-BLMYYYC-C4GAIOX-DWHPKWL-HVOMZLA-PAZFVDY-O6RADAY"
	bID := added.Devices[1].ID
	forged := filepath.Join(dir, "network")
	for path, data := range map[string]string{
		"devices/" + stranger + ".json": `{"schema":1,"id":"` + stranger + `","name":"x","added_by":"` + bID + `","added_at":"2026-01-01T00:00:00Z"}`,
		"removed/" + bID + ".json":      `{"schema":1,"id":"` + bID + `","removed_at":"2026-01-01T00:00:00Z"}`,
	} {
		file := filepath.Join(forged, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shared := filepath.Join(dir, "shared")
	network := strings.TrimSuffix(added.Folders[0].ID, "shared") + "network"
	settings.Folders = []engine.Folder{{ID: added.Folders[0].ID, Name: "shared", Path: shared}, {ID: network, Name: "network", Path: forged}}
	for _, f := range settings.Folders {
		if err := os.MkdirAll(filepath.Join(f.Path, ".stfolder"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := phone.Apply(settings); err != nil {
		t.Fatal(err)
	}
	botsynctest.Await(t, "the phone has what was there before", func() bool {
		got, err := os.ReadFile(filepath.Join(shared, "of a"))
		return err == nil && string(got) == "hello"
	})
	if err := os.WriteFile(filepath.Join(shared, "of phone"), []byte("hi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := phone.Scan(network); err != nil {
		t.Fatal(err)
	}
	if err := phone.Scan(added.Folders[0].ID); err != nil {
		t.Fatal(err)
	}
	b.AwaitFile("shared/of phone", "hi")
	a.AwaitFile("shared/of phone", "hi")
	// Of the folders that it has not accepted it lacks nothing.
	a.Write("inbox/not for the phone", "x")
	if r := a.Must("wait", "--synced", "--peer", "phone", "--json"); !strings.Contains(r.Stdout, `"name":"phone"`) {
		t.Fatalf("waited for: %s", r.Stdout)
	}
	awaitNames(a, "b", "phone")
	awaitNames(b, "a", "phone")
	if hasProblem(a.Status(), "bad_record", "") || hasProblem(b.Status(), "removed", "") {
		t.Fatal("what the phone says of devices was heard")
	}

	a.Must("devices", "remove", "phone")
	awaitNames(a, "b")
	awaitNames(b, "a")
	botsynctest.Await(t, "the phone is cut off", func() bool { return !phone.Connected(added.Devices[0].ID) && !phone.Connected(bID) })
	wantError(t, b.Run("devices", "add", identity.ID, "--name", "phone", "--json"), api.ExitState, api.CodeRemoved)
}
