package mcp

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

const (
	maxPeers = 100 // that one call names
	maxNames = 20  // of missing files in an answer
)

type syncedInput struct {
	Peers   []string `json:"peers,omitempty" jsonschema:"names or IDs of the devices that count; default: all that are connected. One that is offline is waited for only if it is named"`
	Timeout int      `json:"timeout_seconds,omitempty" jsonschema:"how long to wait at most; then the answer has synced false"`
}

type syncedOutput struct {
	Synced  bool        `json:"synced" jsonschema:"true: each of peers has everything that is here, and this device everything of theirs"`
	Peers   []peerEntry `json:"peers" jsonschema:"the devices that counted and have everything"`
	Missing []lackEntry `json:"missing,omitempty" jsonschema:"who lacks what, if the time was up"`
	Offline []peerEntry `json:"offline,omitempty" jsonschema:"devices that are not connected and were not waited for; they get everything later"`
}

type peerEntry struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type lackEntry struct {
	peerEntry
	Connected bool     `json:"connected"`
	Files     int      `json:"files" jsonschema:"how many it lacks"`
	Bytes     int64    `json:"bytes"`
	Names     []string `json:"names,omitempty" jsonschema:"some of them"`
	Why       string   `json:"why,omitempty"`
}

func (s *server) addWaitSynced() {
	addTool(s, &mcp.Tool{
		Name:  "wait_until_synced",
		Title: "Wait until synced",
		Description: `Wait until other devices have everything that is here. Use it after you wrote files yourself and
before you say that they have been delivered. It looks at the disk first, so nothing that was closed
before the call is missed.`,
		Annotations: readOnly(),
	}, func(p map[string]*jsonschema.Schema) {
		p["peers"].MaxItems = jsonschema.Ptr(maxPeers)
		between(p["timeout_seconds"], 1, maxWait, standardWait)
	}, s.waitSynced)
}

func (s *server) waitSynced(ctx context.Context, req *mcp.CallToolRequest, in syncedInput) (*syncedOutput, error) {
	_, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	limit := limitOf(in.Timeout)
	ctx, w := s.wait(ctx, req, limit)
	defer w.end()
	line, err := c.WaitSynced(ctx, api.SyncedRequest{Peers: in.Peers, Timeout: limit}, func(l api.SyncedLine) {
		w.say(lacking(l))
	})
	out := &syncedOutput{Peers: []peerEntry{}}
	if e, late := timedOut(err); late {
		for _, l := range e.Missing {
			out.Missing = append(out.Missing, lackOf(l))
		}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Synced = true
	for _, l := range line.Peers {
		out.Peers = append(out.Peers, peerOf(l.Device))
	}
	for _, d := range line.Offline {
		out.Offline = append(out.Offline, peerOf(d))
	}
	return out, nil
}

// lacking is the progress in words.
func lacking(l api.SyncedLine) string {
	lacks := l.Peers
	if l.Here != nil {
		lacks = append(lacks[:len(lacks):len(lacks)], *l.Here)
	}
	var parts []string
	for _, l := range lacks {
		if !l.Nothing() && len(parts) < maxNames {
			parts = append(parts, fmt.Sprintf("%s lacks %s, %s", term.Clean(l.Device.Name), term.Count(l.Files, "file", "files"), term.Bytes(l.Bytes)))
		}
	}
	if len(parts) == 0 {
		return "waiting"
	}
	return strings.Join(parts, "; ")
}

func peerOf(d api.Device) peerEntry {
	d = cleanDevice(d)
	return peerEntry{d.ID, d.Name}
}

func lackOf(l api.Lack) lackEntry {
	e := lackEntry{peerEntry: peerOf(l.Device), Connected: l.Connected, Files: l.Files, Bytes: l.Bytes, Why: term.Clean(l.Why)}
	for _, name := range l.Names[:min(len(l.Names), maxNames)] {
		e.Names = append(e.Names, term.Clean(name))
	}
	return e
}
