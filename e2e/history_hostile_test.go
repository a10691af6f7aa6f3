package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
)

// A member that asks for what is none of its business gets nothing: no file but
// versions, nothing put where it only reads, and nothing that makes no sense does
// any harm.
func TestHostileQuestions(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init("--role", "agent").Code, "--role", "human")
	agentID, laptopID := agent.Status().Device.ID, laptop.Status().Device.ID

	// The agent has a version of a file in deliverables, where the laptop only reads,
	// and one in shared.
	for _, name := range []string{"deliverables/result", "shared/report"} {
		agent.Write(name, "before")
		agent.Must("wait", "--synced")
		agent.Write(name, "after")
		agent.Must("wait", "--synced")
		agent.Must("restore", name, "--at", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
		laptop.AwaitFile(name, "before")
	}
	version := func(folder string) string {
		found, err := filepath.Glob(agent.Path(".botsync", "versions", folder, "*~r"))
		if err != nil || len(found) != 1 || content(t, found[0]) != "after" {
			t.Fatalf("the agent's versions: %q, %v", found, err)
		}
		return folder + "/" + filepath.Base(found[0])
	}

	type object = map[string]any
	asked := 0
	ask := func(fields object) string {
		t.Helper()
		asked++
		id := strings.Repeat("A", 25) + string(rune('A'+asked))
		question := object{"schema": 1, "id": id, "at": time.Now().UTC(), "to": []string{agentID}}
		for k, v := range fields {
			question[k] = v
		}
		data, err := json.Marshal(question)
		if err != nil {
			t.Fatal(err)
		}
		laptop.Write(".botsync/network/history/"+laptopID+"/ask-"+id+".json", string(data))
		return id
	}
	answer := func(id string) (out struct {
		Items []struct{ Path, Error string }
		Bytes int64
	}) {
		t.Helper()
		botsynctest.Await(t, "an answer", func() bool {
			data, err := os.ReadFile(laptop.Path(".botsync", "network", "history", agentID, "re-"+id+".json"))
			return err == nil && json.Unmarshal(data, &out) == nil
		})
		return out
	}

	// What makes no sense has no answer. What does comes after it, so it was seen.
	outside := []object{
		{"kind": "contents", "items": []string{"../identity/key.pem"}}, {"kind": "contents", "items": []string{agent.Path(".botsync", "identity", "key.pem")}},
		{"kind": "restore", "items": []string{"shared/../../config.toml"}}, {"kind": "versions", "folders": []string{"../identity"}},
		{"kind": "versions", "folders": []string{"shared"}, "path": "../../.botsync"}, {"kind": "format the disk"}, {"kind": "contents", "items": []int{1}},
	}
	var refused []string
	for _, q := range outside {
		refused = append(refused, ask(q))
	}
	laptop.Write(".botsync/network/history/"+laptopID+"/ask-"+strings.Repeat("Z", 26)+".json", "{")
	laptop.Write(".botsync/network/history/nobody/ask-"+strings.Repeat("Y", 26)+".json", "{}")
	if err := os.Symlink("/etc/hostname", laptop.Path(".botsync", "network", "history", laptopID, "ask-"+strings.Repeat("X", 26)+".json")); err != nil {
		t.Fatal(err)
	}
	got := answer(ask(object{"kind": "contents", "items": []string{"deliverables", "shared/report", version("shared")}}))
	if len(got.Items) != 3 || got.Items[0].Error == "" || got.Items[1].Error == "" || got.Items[2].Error != "" || got.Bytes != int64(len("after")) {
		t.Fatalf("contents: %+v", got)
	}
	for i, id := range refused {
		if _, err := os.Lstat(laptop.Path(".botsync", "network", "history", agentID, "re-"+id+".json")); err == nil {
			t.Errorf("%v was answered", outside[i])
		}
	}

	// Nobody writes for a reader; nor what was asked long ago.
	if got := answer(ask(object{"kind": "restore", "items": []string{version("deliverables")}})); len(got.Items) != 1 || got.Items[0].Error != "receive_only" {
		t.Fatalf("a reader has it restored: %+v", got)
	}
	if got := answer(ask(object{"kind": "restore", "items": []string{version("shared")}, "at": time.Now().Add(-time.Hour).UTC()})); got.Items[0].Error != "clock" {
		t.Fatalf("an old question: %+v", got)
	}
	if content(t, agent.Path("deliverables", "result")) != "before" || content(t, agent.Path("shared", "report")) != "before" {
		t.Fatal("it was restored")
	}
	if got := answer(ask(object{"kind": "restore", "items": []string{version("shared")}})); got.Items[0].Error != "" {
		t.Fatalf("%+v", got)
	}
	laptop.AwaitFile("shared/report", "after")

	// Who asks in the name of another device is not answered: the laptop itself is
	// asked here, by a file of its own in the directory of the agent. And what was
	// restored once is not restored again after a restart.
	agent.Write("shared/report", "edited")
	laptop.AwaitFile("shared/report", "edited")
	last := strings.Repeat("A", 25) + string(rune('A'+asked))
	replies := func(n *botsynctest.Node, by, id string) bool {
		_, err := os.Lstat(n.Path(".botsync", "network", "history", by, "re-"+id+".json"))
		return err == nil
	}
	forged := strings.Repeat("F", 26)
	data, err := json.Marshal(object{"schema": 1, "id": forged, "at": time.Now().UTC(), "to": []string{laptopID}, "kind": "versions", "folders": []string{"shared"}})
	if err != nil {
		t.Fatal(err)
	}
	laptop.Write(".botsync/network/history/"+agentID+"/ask-"+forged+".json", string(data))
	agent.Kill()
	botsynctest.Await(t, "the answer to go", func() bool {
		return os.Remove(laptop.Path(".botsync", "network", "history", agentID, "re-"+last+".json")) == nil
	})
	agent.Must("start")
	if got := answer(last); got.Items[0].Error != "clock" {
		t.Fatalf("restored again after a restart: %+v", got)
	}
	if got := content(t, agent.Path("shared", "report")); got != "edited" {
		t.Fatalf("%q", got)
	}
	agent.Must("history", "shared/report") // which the laptop answers after the forged one
	if replies(laptop, laptopID, forged) {
		t.Error("a question in the name of another device was answered")
	}
	for _, n := range []*botsynctest.Node{agent, laptop} {
		if p := n.Status().Problems; len(p) > 0 {
			t.Errorf("%s: %+v", n.Name, p)
		}
	}
}

// What a member says that it has is put nowhere where sync does not write, and in the
// place of nothing that this device has kept itself.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	agent, laptop := botsynctest.New(t, "agent"), botsynctest.New(t, "laptop")
	laptop.Join(agent.Init().Code)
	laptopShort := laptop.Status().Device.ID[:7]
	agent.Write("shared/report", "true")
	agent.Write("shared/other", "other")
	laptop.AwaitFile("shared/report", "true")
	laptop.AwaitFile("shared/other", "other")
	for _, name := range []string{"report", "other"} {
		if err := os.Remove(laptop.Path("shared", name)); err != nil {
			t.Fatal(err)
		}
		botsynctest.Await(t, "the deletion", func() bool { _, err := os.Lstat(agent.Path("shared", name)); return err != nil })
	}
	for _, name := range []string{".git/hooks/post-merge", ".stignore", ".env", ".syncthing.x.tmp", "report", "new"} {
		laptop.Write(".botsync/versions/shared/"+name+"~20990101T000000.000000Z~"+laptopShort+"~d", "forged")
	}
	agent.Must("restore", "--deleted", "shared")
	// What is new can be anything: a member can write any file.
	for name, want := range map[string]string{"report": "true", "other": "other", "new": "forged"} {
		agent.AwaitFile("shared/"+name, want)
	}
	for _, name := range []string{".git", ".stignore", ".env", ".syncthing.x.tmp"} {
		for _, n := range []*botsynctest.Node{agent, laptop} {
			if _, err := os.Lstat(n.Path("shared", filepath.FromSlash(name))); err == nil {
				t.Errorf("%s is there on %s", name, n.Name)
			}
		}
	}
}
