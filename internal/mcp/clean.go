package mcp

import (
	"net/url"
	"path"
	"path/filepath"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// Names of files and devices come from peers, and a model reads them. What cannot
// be seen in them (control characters, escape sequences, newlines, marks that
// turn the direction of text) is replaced; where that changed the path of a file,
// the true one stands beside it, percent-encoded.

// file names a file of a synced folder.
type filePath struct {
	Path           string `json:"path" jsonschema:"where it is, relative to the root, with slashes"`
	PercentEncoded string `json:"percent_encoded,omitempty" jsonschema:"the exact path, percent-encoded; only there if path had to be altered because it contains characters that cannot be shown"`
}

// pathOf makes the path of a file harmless. p is relative to the root.
func pathOf(p string) filePath {
	clean := term.Clean(p)
	if clean == p {
		return filePath{Path: p}
	}
	return filePath{Path: clean, PercentEncoded: (&url.URL{Path: p}).EscapedPath()}
}

// absolute is where a file is, for the tools of an agent.
func absolute(rootDir, p string) string {
	return filepath.Join(rootDir, filepath.FromSlash(path.Clean(p)))
}

func cleanDevice(d api.Device) api.Device {
	return api.Device{ID: term.Clean(d.ID), Name: term.Clean(d.Name), Role: api.Role(term.Clean(string(d.Role)))}
}

// cleanStatus makes a status harmless, and its lists such that they are never
// null.
func cleanStatus(st *api.Status) *api.Status {
	out := *st
	out.Device = cleanDevice(st.Device)
	out.Folders = make([]api.Folder, len(st.Folders))
	for i, f := range st.Folders {
		f.Error = term.Clean(f.Error)
		out.Folders[i] = f
	}
	out.Peers = make([]api.Peer, len(st.Peers))
	for i, p := range st.Peers {
		p.Device = cleanDevice(p.Device)
		p.Address = term.Clean(p.Address)
		out.Peers[i] = p
	}
	out.Invites = make([]api.Invite, len(st.Invites))
	for i, in := range st.Invites {
		in.Ways = nil // how a meeting goes is for people who set one up
		out.Invites[i] = in
	}
	out.Problems = make([]api.Problem, len(st.Problems))
	for i, p := range st.Problems {
		out.Problems[i] = api.Problem{Code: term.Clean(p.Code), Message: term.Clean(p.Message), Hint: term.Clean(p.Hint)}
	}
	return &out
}
