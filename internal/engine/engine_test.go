package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// One engine a process: this test goes through the life of one. What two do
// together is tested over real daemons.
func TestLifeOfAnEngine(t *testing.T) {
	dir := t.TempDir()
	identity, err := CreateIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(dir, "shared")
	settings := Settings{Name: "me", LANOnly: true, Folders: []Folder{{ID: "n-shared", Name: "shared", Path: shared}}}
	events := make(chan Event, 10_000)
	options := Options{Dir: filepath.Join(dir, "engine"), Identity: identity, OnEvent: func(e Event) { events <- e }}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	// The default port is taken by somebody who does not share it.
	if l, err := net.Listen("tcp", ":"+strconv.Itoa(defaultPort)); err == nil {
		defer l.Close()
	}
	e, err := Open(ctx, options, settings)
	if err != nil {
		t.Fatal(err)
	}
	port := e.Port()
	if port == 0 || port == defaultPort || e.ID() != identity.ID || len(e.Addresses()) == 0 {
		t.Fatalf("port %d, ID %s, addresses %v", port, e.ID(), e.Addresses())
	}
	await(ctx, t, events, func(e Event) bool { return e.Type == FolderState && e.State == StateIdle })
	if err := os.WriteFile(filepath.Join(shared, "file"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, events, func(e Event) bool { return e.Type == FileChanged && e.Path == "file" && e.Folder == "shared" })
	if err := e.Scan("n-shared", "file"); err != nil {
		t.Fatal(err)
	}
	st, err := e.Folder("n-shared")
	if err != nil || st.Files != 1 || st.Bytes != 5 || st.NeedItems != 0 || st.Err != nil {
		t.Fatalf("%+v, %v", st, err)
	}
	faultsAreNotForgotten(ctx, t, e, "n-shared", shared)
	namesForOthersAreKnown(t, e, "n-shared", shared)

	// A folder that is moved away is stopped, and noticed when it is back.
	if err := os.Rename(shared, shared+"-away"); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, events, func(e Event) bool { return e.Type == FolderState && e.State == StateError })
	if st, err := e.Folder("n-shared"); err != nil || st.Err == nil || st.Files != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := os.Rename(shared+"-away", shared); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, events, func(e Event) bool { return e.Type == FolderState && e.State == StateIdle })
	if st, err := e.Folder("n-shared"); err != nil || st.Err != nil || st.Files != 1 {
		t.Fatalf("%+v, %v", st, err)
	}

	// A peer that is not there lacks everything.
	settings.Peers = []Peer{{ID: peerID, Name: "peer", Addresses: []string{"tcp://127.0.0.1:1"}}}
	if err := e.Apply(settings); err != nil {
		t.Fatal(err)
	}
	peer, err := e.Peer(peerID, []string{"n-shared"})
	if err != nil || peer.Connected || peer.NeedItems != 1 || peer.NeedBytes != 5 || peer.Known || !peer.LastSeen.IsZero() {
		t.Fatalf("%+v, %v", peer, err)
	}
	changesAreSeenAcrossApply(ctx, t, e, settings, dir, events)
	if _, err := e.Folder("nonsense"); err == nil {
		t.Fatal("a folder that is not there has a status")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Done():
	default:
		t.Fatal("closed and not done")
	}
	if err := e.Err(); err != nil {
		t.Fatal(err)
	}

	// The same port again, and a damaged configuration does no harm but to that.
	e, err = Open(ctx, options, settings)
	if err != nil {
		t.Fatal(err)
	}
	if e.Port() != port {
		t.Errorf("port %d, want %d as before", e.Port(), port)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(options.Dir, DatabaseName, "main.db"), []byte("this is no database at all, just some text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, options, settings); !errors.Is(err, ErrDatabase) {
		t.Fatalf("opening a damaged database: %v", err)
	}
}

// A folder that is made anew while its first scan goes on is watched all the
// same: a guest may join while the host still reads what is in its folders.
func changesAreSeenAcrossApply(ctx context.Context, t *testing.T, e *Engine, s Settings, dir string, events <-chan Event) {
	t.Helper()
	large := Folder{ID: "n-large", Name: "large", Path: filepath.Join(dir, "large")}
	if err := os.Mkdir(large.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if err := os.WriteFile(filepath.Join(large.Path, fmt.Sprint(i)), fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alone := s
	alone.Peers = nil
	alone.Folders = append(slices.Clone(s.Folders), large)
	together := alone
	together.Peers = s.Peers
	for range 20 {
		for _, next := range []Settings{alone, together} {
			if err := e.Apply(next); err != nil {
				t.Fatal(err)
			}
		}
	}
	await(ctx, t, events, func(e Event) bool { return e.Folder == "large" && e.State == StateIdle })
	if err := os.WriteFile(filepath.Join(large.Path, "new"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, events, func(e Event) bool { return e.Type == FileChanged && e.Path == "new" })
	if err := e.Apply(s); err != nil {
		t.Fatal(err)
	}
}

func await(ctx context.Context, t *testing.T, events <-chan Event, is func(Event) bool) {
	t.Helper()
	for {
		select {
		case e := <-events:
			if is(e) {
				return
			}
		case <-ctx.Done():
			t.Fatal("the event did not come")
		}
	}
}
