package mcp

import (
	"context"
	"reflect"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
)

func (s *server) addDoctor() {
	addTool(s, &mcp.Tool{
		Name:  "doctor",
		Title: "Why is it not syncing?",
		Description: `Examine everything that syncing needs: daemon, keys, disk, folders, network, peers, clocks, notifications.
Answers within some seconds. checks[] holds what failed and what is a warning, each with fix: the command or the step that mends it.
Fixes are for the person who owns the machine: tell them, and change nothing by yourself that they have not asked for.`,
		Annotations: readOnly(),
	}, nil, s.doctor)
}

// doctorOutput is what "doctor --json" prints, without what is in order.
type doctorOutput struct {
	State   string            `json:"state"`
	Summary api.DoctorSummary `json:"summary" jsonschema:"how many checks had each outcome; only those that failed or warn are listed"`
	Checks  []api.DoctorCheck `json:"checks"`
}

func (s *server) doctor(ctx context.Context, _ *mcp.CallToolRequest, _ nothing) (*doctorOutput, error) {
	_, c, err := s.reach(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	d, err := c.Doctor(ctx, api.DoctorRequest{Version: s.opts.Version})
	if err != nil {
		return nil, err
	}
	out := &doctorOutput{State: d.State, Summary: d.Summary, Checks: []api.DoctorCheck{}}
	for _, check := range d.Checks {
		if check.Status == api.CheckFail || check.Status == api.CheckWarn {
			out.Checks = append(out.Checks, check)
		}
	}
	harmless(reflect.ValueOf(out))
	return out, nil
}
