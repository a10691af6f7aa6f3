package mcp

import (
	"context"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// The size of one answer about old versions, in versions and in files.
const (
	standardHistory = 50
	maxHistory      = 500
	maxRestored     = 200
)

type historyInput struct {
	Path    string `json:"path,omitempty" jsonschema:"only this file, or all below this directory, such as shared/report.md; it may be gone"`
	Deleted bool   `json:"deleted,omitempty" jsonschema:"true: only files that are deleted, as they were last"`
	Limit   int    `json:"limit,omitempty" jsonschema:"the latest so many"`
}

type historyOutput struct {
	Versions    []versionEntry `json:"versions" jsonschema:"the latest last"`
	More        bool           `json:"more,omitempty" jsonschema:"there are older ones"`
	Unreachable []peerEntry    `json:"unreachable,omitempty" jsonschema:"devices that may have others, and did not answer"`
}

type versionEntry struct {
	filePath
	Time     time.Time `json:"time" jsonschema:"until when the file held this; pass it as at to restore"`
	Change   string    `json:"change" jsonschema:"what happened then: changed or deleted"`
	Device   string    `json:"device,omitempty" jsonschema:"the name of the device that did it"`
	Size     int64     `json:"size" jsonschema:"bytes"`
	Modified time.Time `json:"modified" jsonschema:"the file's own time"`
	Here     bool      `json:"here" jsonschema:"this device has it"`
	Peers    []string  `json:"peers,omitempty" jsonschema:"names of other devices that have it"`
}

type restoreInput struct {
	Path    string    `json:"path,omitempty" jsonschema:"the file, such as shared/report.md; with deleted a directory, left out for all folders"`
	At      time.Time `json:"at,omitzero" jsonschema:"as it was at this time, RFC 3339; left out: as it was before the latest change or deletion"`
	Deleted bool      `json:"deleted,omitempty" jsonschema:"true: bring back all files below path that are deleted"`
	DryRun  bool      `json:"dry_run,omitempty" jsonschema:"true: only say what would come back"`
}

type restoreOutput struct {
	Restored    int             `json:"restored" jsonschema:"how many files came back"`
	Files       []restoredEntry `json:"files" jsonschema:"the first of them"`
	Skipped     []skippedEntry  `json:"skipped,omitempty" jsonschema:"files that are left as they are, and why"`
	Unreachable []peerEntry     `json:"unreachable,omitempty" jsonschema:"devices that may have versions, and did not answer"`
}

type restoredEntry struct {
	filePath
	Size int64     `json:"size" jsonschema:"bytes"`
	Time time.Time `json:"time" jsonschema:"until when the file held this before"`
}

type skippedEntry struct {
	filePath
	Reason string `json:"reason" jsonschema:"changed_since, receive_only, in_the_way, unreachable or failed"`
	Note   string `json:"note"`
	Device string `json:"device,omitempty" jsonschema:"who has changed it since"`
}

type undoInput struct {
	By        string    `json:"by" jsonschema:"the device whose changes are taken back: its name or ID, or self for this one"`
	Since     time.Time `json:"since" jsonschema:"its changes from then on, RFC 3339 such as 2026-11-22T10:00:00Z"`
	Path      string    `json:"path,omitempty" jsonschema:"only this file, or all below this directory"`
	RemoveNew bool      `json:"remove_new,omitempty" jsonschema:"true: also remove the files that it has made"`
	Force     bool      `json:"force,omitempty" jsonschema:"true: also what somebody else has changed since"`
	DryRun    bool      `json:"dry_run,omitempty" jsonschema:"true: only say what would be done"`
}

type undoOutput struct {
	restoreOutput
	New     []filePath `json:"new" jsonschema:"the first of the files that the device has made"`
	Removed int        `json:"removed" jsonschema:"how many of these were removed"`
}

// destructive annotates a tool that replaces or removes what other machines have.
func destructive() *mcp.ToolAnnotations {
	yes := true
	return &mcp.ToolAnnotations{DestructiveHint: &yes, OpenWorldHint: &yes}
}

func (s *server) addHistory() {
	addTool(s, &mcp.Tool{
		Name:  "history",
		Title: "Old versions of files",
		Description: `What files held before a device changed or deleted them, with when, who, and which device has it. Kept for
30 days on the devices that received the change; all that are connected are asked. Changes nothing.`,
		Annotations: readOnly(),
	}, func(p map[string]*jsonschema.Schema) {
		longest(p["path"], maxPath)
		between(p["limit"], 1, maxHistory, standardHistory)
	}, s.history)
	addTool(s, &mcp.Tool{
		Name:  "restore",
		Title: "Restore files",
		Description: `Bring a file back as it was before the latest change or deletion, or at a time; or, with deleted, all
files below a directory that are deleted. Reaches all devices. What it replaces goes into the history first, so
that it can be undone by restoring again. Use dry_run first if you are not sure.`,
		Annotations: destructive(),
	}, func(p map[string]*jsonschema.Schema) { longest(p["path"], maxPath) }, s.restore)
	addTool(s, &mcp.Tool{
		Name:  "undo",
		Title: "Undo what a device did",
		Description: `Bring back what each file held before the first change that one device has made since a time. Leaves alone
what somebody else has changed since, and names it. Reaches all devices. Ask the user before you undo what somebody else
did, and use dry_run first.`,
		Annotations: destructive(),
	}, func(p map[string]*jsonschema.Schema) {
		longest(p["by"], 100)
		longest(p["path"], maxPath)
	}, s.undo)
}

func (s *server) history(ctx context.Context, _ *mcp.CallToolRequest, in historyInput) (*historyOutput, error) {
	r, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p, err := placeOf(r.Dir(), in.Path)
	if err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit <= 0 {
		limit = standardHistory
	}
	list, err := c.History(ctx, api.HistoryRequest{Path: p.String(), Deleted: in.Deleted, Limit: min(limit, maxHistory)})
	if err != nil {
		return nil, err
	}
	out := &historyOutput{Versions: []versionEntry{}, More: list.More, Unreachable: peersOf(list.Unreachable)}
	for _, v := range list.Versions {
		e := versionEntry{filePath: pathOf(v.Path), Time: v.Time.UTC(), Change: term.Clean(v.Change), Size: v.Size, Modified: v.Modified.UTC(), Here: v.Here}
		if v.Device != nil {
			e.Device = cleanDevice(*v.Device).Name
		}
		for _, d := range v.Peers {
			e.Peers = append(e.Peers, cleanDevice(d).Name)
		}
		out.Versions = append(out.Versions, e)
	}
	return out, nil
}

func (s *server) restore(ctx context.Context, req *mcp.CallToolRequest, in restoreInput) (*restoreOutput, error) {
	r, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p, err := placeOf(r.Dir(), in.Path)
	if err != nil {
		return nil, err
	}
	if p.folder == "" && !in.Deleted {
		return nil, usage("Name a file such as shared/report.md, or set deleted.", "no file was named")
	}
	ctx, w := s.wait(ctx, req, copyPatience)
	defer w.end()
	line, err := c.Restore(ctx, api.RestoreRequest{Path: p.String(), At: in.At, Deleted: in.Deleted, DryRun: in.DryRun})
	if err != nil {
		return nil, err
	}
	out := restoredOf(line.Restored, line.Files, line.Skipped, line.Unreachable)
	return &out, nil
}

func (s *server) undo(ctx context.Context, req *mcp.CallToolRequest, in undoInput) (*undoOutput, error) {
	r, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	p, err := placeOf(r.Dir(), in.Path)
	if err != nil {
		return nil, err
	}
	ctx, w := s.wait(ctx, req, copyPatience)
	defer w.end()
	line, err := c.Undo(ctx, api.UndoRequest{Device: in.By, Since: in.Since, Path: p.String(), RemoveNew: in.RemoveNew, Force: in.Force, DryRun: in.DryRun})
	if err != nil {
		return nil, err
	}
	out := &undoOutput{restoreOutput: restoredOf(line.Restored, line.Files, line.Skipped, line.Unreachable), New: []filePath{}, Removed: line.Removed}
	for _, p := range line.New[:min(len(line.New), maxRestored)] {
		out.New = append(out.New, pathOf(p))
	}
	return out, nil
}

func restoredOf(count int, files []api.RestoredFile, skipped []api.SkippedFile, unreachable []api.Device) restoreOutput {
	out := restoreOutput{Restored: count, Files: []restoredEntry{}, Unreachable: peersOf(unreachable)}
	for _, f := range files[:min(len(files), maxRestored)] {
		out.Files = append(out.Files, restoredEntry{pathOf(f.Path), f.Size, f.Time.UTC()})
	}
	for _, f := range skipped[:min(len(skipped), maxRestored)] {
		e := skippedEntry{filePath: pathOf(f.Path), Reason: term.Clean(f.Reason), Note: term.Clean(f.Message)}
		if f.Device != nil {
			e.Device = cleanDevice(*f.Device).Name
		}
		out.Skipped = append(out.Skipped, e)
	}
	return out
}

func peersOf(devices []api.Device) []peerEntry {
	var out []peerEntry
	for _, d := range devices {
		out = append(out, peerOf(d))
	}
	return out
}
