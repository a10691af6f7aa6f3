package mcp

import (
	"context"
	"reflect"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
)

// nothing is the input of a tool that takes none.
type nothing struct{}

func (s *server) addStatus() {
	addTool(s, &mcp.Tool{
		Name:  "status",
		Title: "Sync status",
		Description: `Who is connected, what each side still lacks, and what is wrong. Answers at once.
peers[].connected with need_files 0, while every folder is "idle", means that the peer has everything;
to be sure, and to wait for it, use wait_until_synced. In a folder that is receive_only nothing that is
changed here travels; local_changes counts what was, and "botsync revert" takes it back. problems[] says what is wrong and what to do.
A folder is "held" when so much vanished from it on this device that no other device is told until a person decides:
held says what; tell your user, who can run "botsync resume". Do not decide that yourself.
root is the absolute path below which the folders are.`,
		Annotations: readOnly(),
	}, nil, func(ctx context.Context, _ *mcp.CallToolRequest, _ nothing) (*statusOutput, error) {
		return s.status(ctx)
	})
}

// statusOutput leaves out what is null in "status --json": schemas with more than
// one type for a field are beyond some clients.
type statusOutput struct {
	api.Status
	Network *api.Network `json:"network,omitempty"`
}

func (s *server) status(ctx context.Context) (*statusOutput, error) {
	_, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	st, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	for i := range st.Invites {
		st.Invites[i].Ways = nil // how a meeting goes is for whoever sets one up
	}
	harmless(reflect.ValueOf(st))
	return &statusOutput{*st, st.Network}, nil
}
