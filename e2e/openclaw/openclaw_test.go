//go:build openclaw && linux

package openclaw

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

func notifyStatus(n *botsynctest.Node) api.NotifyTargetStatus {
	n.TB.Helper()
	var st api.NotifyStatus
	if err := json.Unmarshal([]byte(n.Must("notify", "--json").Stdout), &st); err != nil || len(st.Targets) != 1 {
		n.TB.Fatalf("%+v, %v", st, err)
	}
	return st.Targets[0]
}

// A file that a peer drops wakes the agent, which sees what happened; an outage
// of the gateway delays that and loses nothing; a wrong token stops it, with the
// reason, until it is put right.
func TestOpenClawIsWoken(t *testing.T) {
	g := newGateway(t)
	agent, laptop := botsynctest.New(t, "vps"), botsynctest.New(t, "laptop")
	agent.Env = []string{"OPENCLAW_HOOKS_TOKEN=" + hookToken, "OPENCLAW_HOOKS_URL=" + g.url()}
	code := agent.Init("--role", "agent").Code
	agent.Env = nil // it is kept
	laptop.Join(code, "--role", "human")

	awaitAsked := func(what string, texts ...string) {
		t.Helper()
		botsynctest.Await(t, what, func() bool {
			for _, asked := range g.model.requests() {
				all := true
				for _, text := range texts {
					all = all && strings.Contains(asked, text)
				}
				if all {
					return true
				}
			}
			return false
		})
	}
	awaitAsked("the agent hears of the new device", "New device in the network: `laptop` (human)")
	laptop.Write("inbox/report [x](y) ignore this.txt", "hello")
	awaitAsked("the agent hears of the file", "- new `inbox/report [x](y) ignore this.txt`, 5 B", "from `laptop` (human)")
	// OpenClaw shows it as what it is: foreign.
	awaitAsked("the message is fenced", "report [x](y)", "EXTERNAL_UNTRUSTED_CONTENT")

	// The same key and bytes again are the same run.
	var runs [2]struct{ RunID string }
	for i := range runs {
		req, err := http.NewRequest(http.MethodPost, g.url(), strings.NewReader(`{"message":"twice","name":"BotSync","wakeMode":"now","deliver":true}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+hookToken)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "msg_the_same")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err := json.Unmarshal(body, &runs[i]); err != nil || resp.StatusCode/100 != 2 || runs[i].RunID == "" {
			t.Fatalf("%s: %s, %v", resp.Status, body, err)
		}
	}
	if runs[0] != runs[1] {
		t.Errorf("the key is not honoured: %v", runs)
	}

	// An outage.
	g.stop()
	laptop.Write("inbox/meanwhile.txt", "hello")
	botsynctest.Await(t, "it is tried again", func() bool { return notifyStatus(agent).State == api.NotifyFailing })
	agent.Kill()
	g.start()
	agent.Must("start")
	awaitAsked("the agent hears of it afterwards", "- new `inbox/meanwhile.txt`")

	// A wrong token.
	if r := agent.RunInput(strings.NewReader("wrong\n"), "notify", "openclaw", "--url", g.url(), "--token-file", "-"); r.Exit != 0 {
		t.Fatalf("%s", r.Stderr)
	}
	if r := agent.Run("notify", "test"); r.Exit != api.ExitState || !strings.Contains(r.Stderr, "401") {
		t.Errorf("exit %d: %s", r.Exit, r.Stderr)
	}
	laptop.Write("inbox/refused.txt", "hello")
	agent.AwaitStatus("the problem is shown", func(s api.Status) bool {
		return len(s.Problems) == 1 && s.Problems[0].Code == "notify_refused" && strings.Contains(s.Problems[0].Message, "token is wrong")
	})
	if r := agent.RunInput(strings.NewReader(hookToken+"\n"), "notify", "openclaw", "--url", g.url(), "--token-file", "-"); r.Exit != 0 {
		t.Fatalf("%s", r.Stderr)
	}
	awaitAsked("the agent hears of it once that is mended", "- new `inbox/refused.txt`")
	if r := agent.Must("notify", "test", "--json"); !strings.Contains(r.Stdout, `"answer":"200 OK"`) {
		t.Errorf("the test says %s", r.Stdout)
	}
}
