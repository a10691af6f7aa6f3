package mcp

import (
	"encoding/json"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/root"
)

// Whatever a client sends for arguments is answered, and is not the end of the
// server: null is what some send for none.
func TestArgumentsOfEveryKind(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	serve(t, r, &fake{})
	s := connect(t, of(r), nil)
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.Tools {
		for _, args := range []string{"null", " null ", "[]", `"text"`, "7", "true", `{"no such":1}`} {
			if _, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool.Name, Arguments: json.RawMessage(args)}); err != nil {
				t.Logf("%s %s: %v", tool.Name, args, err)
			}
			if err := s.Ping(t.Context(), nil); err != nil {
				t.Fatalf("after %s with %s: %v", tool.Name, args, err)
			}
		}
	}
	// Null is the same as nothing.
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "list_files", Arguments: json.RawMessage("null")})
	if err != nil || res.IsError {
		t.Errorf("list_files with null: %v, %+v", err, res)
	}
}
