package mcp

import (
	"context"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// Whoever subscribed hears of a change of the status, and of the daemon's end;
// events that change nothing are not announced.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			testSubscriptions(t, version)
		})
	}
}

func testSubscriptions(t *testing.T, version string) {
	r := newRoot(t, root.MCP{})
	f := &fake{}
	stop := serve(t, r, f)
	updated := make(chan string, 10)
	s, _ := connectAs(t, version, of(r), &mcp.ClientOptions{ResourceUpdatedHandler: func(_ context.Context, req *mcp.ResourceUpdatedNotificationRequest) {
		updated <- req.Params.URI
	}})
	list, err := s.ListResources(t.Context(), nil)
	if err != nil || len(list.Resources) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	read := func() string {
		t.Helper()
		res, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: statusURI})
		if err != nil {
			t.Fatal(err)
		}
		return res.Contents[0].Text
	}
	// The newer protocol opens a stream without a word for what is not there.
	if err := s.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "botsync://other"}); err == nil && version == "2025-11-25" {
		t.Error("a resource that does not exist can be subscribed to")
	}
	status := func(files int, looked chan<- struct{}) func() *api.Status {
		return func() *api.Status {
			wake(looked)
			return &api.Status{State: api.StateRunning, Folders: []api.Folder{{Name: "inbox", Files: files}}}
		}
	}
	before := make(chan struct{}, 1)
	f.happen(status(0, before))
	if err := s.Subscribe(t.Context(), &mcp.SubscribeParams{URI: statusURI}); err != nil {
		t.Fatal(err)
	}
	<-before // in the newer protocol Subscribe does not wait for an answer
	same, other := make(chan struct{}, 1), make(chan struct{}, 1)
	f.happen(status(1, nil))
	if uri := <-updated; uri != statusURI || !strings.Contains(read(), `"files":1,`) {
		t.Errorf("%s was announced: %s", uri, read())
	}
	f.happen(status(1, same))
	<-same
	f.happen(status(2, other))
	<-updated
	select {
	case <-other:
	default:
		t.Error("what is the same as before was announced")
	}
	stop()
	<-updated
	if !strings.Contains(read(), api.CodeNotRunning) {
		t.Error(read())
	}
	if err := s.Unsubscribe(t.Context(), &mcp.UnsubscribeParams{URI: statusURI}); err != nil {
		t.Fatal(err)
	}
}
