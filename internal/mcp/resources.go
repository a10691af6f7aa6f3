package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// The resources.
const (
	readmeURI = "botsync://readme"
	statusURI = "botsync://status"
)

// maxReadme bounds BOTSYNC.md, in bytes; botsync's own has a few thousand.
const maxReadme = 256 << 10

func (s *server) addResources() {
	s.mcp.AddResource(&mcp.Resource{
		URI: readmeURI, Name: "readme", Title: "BOTSYNC.md", MIMEType: "text/markdown",
		Description: "What the synced directory is, and the rules for agents that work in it.",
	}, s.readResource("text/markdown", s.readme))
	s.mcp.AddResource(&mcp.Resource{
		URI: statusURI, Name: "status", Title: "Sync status", MIMEType: "application/json",
		Description: "The answer of the tool status, or the error that says why there is none. Subscribe to hear of changes.",
	}, s.readResource("application/json", s.statusText))
}

func (s *server) readResource(kind string, read func(context.Context) (string, error)) mcp.ResourceHandler {
	return func(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		text, err := read(ctx)
		if err != nil {
			return nil, toolError(err)
		}
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: req.Params.URI, MIMEType: kind, Text: text}}}, nil
	}
}

// readme is BOTSYNC.md as a person may have edited it, and the program's own
// where there is none.
func (s *server) readme(context.Context) (string, error) {
	r, err := s.opts.Root()
	if err != nil {
		return root.Readme(), nil
	}
	dir, err := os.OpenRoot(r.Dir())
	if err != nil {
		return root.Readme(), nil
	}
	defer dir.Close()
	f, err := dir.Open(root.ReadmeName)
	if err != nil {
		return root.Readme(), nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReadme))
	return string(data), err
}

// statusText is a resource that can always be read: that there is no daemon is a
// status, too.
func (s *server) statusText(ctx context.Context) (string, error) {
	var answer any
	st, err := s.status(ctx)
	var e *api.Error
	switch {
	case err == nil:
		answer = st
	case errors.As(err, &e):
		answer = api.ErrorReply{Schema: api.Schema, Error: e}
	default:
		return "", err
	}
	data, err := json.Marshal(answer)
	return string(data), err
}
