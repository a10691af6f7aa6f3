package mcp

import (
	"context"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
)

type inviteInput struct {
	Ticket bool `json:"ticket,omitempty" jsonschema:"a ticket instead of five words: a long code that also works without multicast or any server"`
}

type inviteOutput struct {
	Code      string    `json:"code" jsonschema:"the code; whoever has it can join, once, until it expires"`
	Command   string    `json:"command" jsonschema:"what the person types on the other machine"`
	ExpiresAt time.Time `json:"expires_at" jsonschema:"when the code ends"`
}

func (s *server) addInvite() {
	addTool(s, &mcp.Tool{
		Name:  "invite",
		Title: "Invite a device",
		Description: `Open an invite with which one more device can join the network within ten minutes, and so read
and change all synced files. Only do this when your user asked for it, and give the code to nobody else.`,
		Annotations: additive(),
	}, func(map[string]*jsonschema.Schema) {}, s.invite)
}

func (s *server) invite(ctx context.Context, _ *mcp.CallToolRequest, in inviteInput) (*inviteOutput, error) {
	if !s.config().AllowInvite {
		return nil, api.Errorf(api.CodeForbidden, "A person can allow it with allow_invite = true in the section [mcp] of config.toml.",
			"inviting is not allowed here any more")
	}
	_, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	line, err := c.Invite(ctx, api.InviteRequest{Ticket: in.Ticket})
	if err != nil {
		return nil, err
	}
	return &inviteOutput{Code: line.Code, Command: line.Command, ExpiresAt: line.ExpiresAt}, nil
}
