package mcp

import (
	"context"
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

func (f *fake) Doctor(_ context.Context, req api.DoctorRequest) (*api.Doctor, error) {
	return f.doctor(req), nil
}

func TestDoctorTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := newRoot(t, root.MCP{})
	answer := &api.Doctor{State: api.StateRunning, Summary: api.DoctorSummary{OK: 1, Warn: 1, Fail: 1, Skipped: 1}, Checks: []api.DoctorCheck{
		{Code: "daemon", Status: api.CheckOK, Message: "The daemon answers."},
		{Code: "watch", Status: api.CheckSkipped, Message: "Nobody knows."},
		{Code: "peer", Subject: hostile, Status: api.CheckWarn, Message: hostile, Fix: "Look there."},
		{Code: "folder", Subject: "inbox", Status: api.CheckFail, Message: "It is missing.", Fix: "Put it back."},
	}}
	var asked api.DoctorRequest
	serve(t, r, &fake{doctor: func(req api.DoctorRequest) *api.Doctor { asked = req; return answer }})
	s := connect(t, Options{Version: "v9.9.9", Root: func() (*root.Root, error) { return r, nil }}, nil)
	out := call[doctorOutput](t, s, "doctor", map[string]any{})
	if len(out.Checks) != 2 || out.Summary.OK != 1 || out.Checks[1].Fix != "Put it back." {
		t.Errorf("%+v", out)
	}
	if text := out.Checks[0].Subject + out.Checks[0].Message; strings.ContainsAny(text, "\x1b\n\u202e\u200b") {
		t.Errorf("%q", text)
	}
	if asked.Notify || asked.Report || asked.Version != "v9.9.9" {
		t.Errorf("it asked for %+v", asked)
	}
}
