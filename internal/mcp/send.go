package mcp

import (
	"context"
	"fmt"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
)

// maxSent bounds the files in one answer; a directory may hold more.
const maxSent = 200

type sendInput struct {
	Files   []string `json:"files" jsonschema:"files or directories to copy: relative to the root, or absolute. They must lie below the root, or in a directory that the user allowed"`
	To      string   `json:"to,omitempty" jsonschema:"a synced folder, or a directory below one; it is made if need be. Left out: deliverables, or inbox on a device with the role human"`
	Wait    bool     `json:"wait,omitempty" jsonschema:"true: return when other devices have the files, with a receipt of each"`
	Peers   []string `json:"peers,omitempty" jsonschema:"with wait: names or IDs of the devices that count; default: all that are connected"`
	Timeout int      `json:"timeout_seconds,omitempty" jsonschema:"with wait: how long at most"`
}

type sendOutput struct {
	Sent     int         `json:"sent" jsonschema:"how many files are in place"`
	Bytes    int64       `json:"bytes"`
	Received *bool       `json:"received,omitempty" jsonschema:"with wait: whether the devices that count have all of them"`
	Files    []sentEntry `json:"files" jsonschema:"the files as they are called now"`
	Note     string      `json:"note,omitempty" jsonschema:"what went wrong after these files were in place; do not send them again"`
}

type sentEntry struct {
	filePath
	Size     int64     `json:"size" jsonschema:"bytes"`
	SHA256   string    `json:"sha256,omitempty"`
	Receipts []receipt `json:"receipts,omitempty"`
}

type receipt struct {
	peerEntry
	Time time.Time `json:"time"`
}

func (s *server) addSend() {
	addTool(s, &mcp.Tool{
		Name:  "send_files",
		Title: "Send files",
		Description: `Copy finished files into a synced folder, whole and without replacing anything: a name that is taken
gets a number, and the answer says which. Everyone in the network gets them. With wait, the answer has a
receipt of each device that has them. A folder that status calls receive_only is refused: nothing travels
from there.`,
		Annotations: additive(),
	}, func(p map[string]*jsonschema.Schema) {
		p["files"].MinItems, p["files"].MaxItems = jsonschema.Ptr(1), jsonschema.Ptr(maxPaths)
		p["peers"].MaxItems = jsonschema.Ptr(maxPeers)
		longest(p["to"], maxPath)
		between(p["timeout_seconds"], 1, maxWait, standardWait)
	}, s.send)
}

func (s *server) send(ctx context.Context, req *mcp.CallToolRequest, in sendInput) (*sendOutput, error) {
	r, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	to, err := placeOf(r.Dir(), in.To)
	if err != nil {
		return nil, err
	}
	folder := "" // that of the role of this device
	if to.folder != "" {
		folder = to.String()
	}
	limit := limitOf(in.Timeout)
	ask := api.SendRequest{To: folder, Peers: in.Peers, Wait: in.Wait, Timeout: limit}
	allowed := s.config().SendFrom
	for _, name := range in.Files {
		source, err := sourceOf(r, allowed, name)
		if err != nil {
			return nil, err
		}
		ask.Sources = append(ask.Sources, source)
	}
	// Copying takes as long as it takes; only the waiting is bounded, by the daemon.
	ctx, w := s.wait(ctx, req, limit+copyPatience)
	defer w.end()
	placed := 0
	sent, err := c.Send(ctx, ask, func(l api.SendLine) {
		if l.Type == api.TypeFile {
			placed++
			w.say(fmt.Sprintf("%d files are in place", placed))
		}
	})
	if err != nil && (sent == nil || len(sent.Files) == 0) {
		return nil, err
	}
	out := &sendOutput{Sent: len(sent.Files), Bytes: sent.Bytes, Files: []sentEntry{}}
	if err != nil {
		out.Note = toolError(err).Error()
	}
	if in.Wait {
		out.Received = new(bool)
		*out.Received = err == nil
	}
	for _, f := range sent.Files[:min(len(sent.Files), maxSent)] {
		out.Files = append(out.Files, sentOf(f))
	}
	return out, nil
}

// copyPatience bounds how long the copying of a send may take.
const copyPatience = time.Hour

func sentOf(f api.SentFile) sentEntry {
	e := sentEntry{filePath: pathOf(f.Path), Size: f.Size, SHA256: f.SHA256}
	for _, got := range f.Receipts {
		e.Receipts = append(e.Receipts, receipt{peerOf(got.Device), got.Time.UTC()})
	}
	return e
}
