package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/botsync/botsync/internal/api"
)

// fakeDoctor answers as FAKE_DOCTOR says.
type fakeDoctor struct{}

func (fakeDoctor) Doctor(ctx context.Context, req api.DoctorRequest) (*api.Doctor, error) {
	check := api.DoctorCheck{Code: "folder", Group: "folders", Subject: "inbox", Status: api.CheckOK, Message: "It is idle."}
	answer := &api.Doctor{State: api.StateRunning, Summary: api.DoctorSummary{OK: 1}, Checks: []api.DoctorCheck{check}}
	switch os.Getenv("FAKE_DOCTOR") {
	case "hang":
		<-ctx.Done()
		return nil, ctx.Err()
	case "unknown":
		return nil, api.Errorf(api.CodeUnexpected, "", "404 Not Found")
	case "warn":
		answer.Summary, answer.Checks[0].Status = api.DoctorSummary{Warn: 1}, api.CheckWarn
	case "fail":
		answer.Summary, answer.Checks[0].Status, answer.Checks[0].Fix = api.DoctorSummary{Fail: 1}, api.CheckFail, "Put it back."
	}
	if req.Report {
		answer.ReportText = "nothing that betrays anybody\n"
	}
	return answer, nil
}

func fakeOfflineDoctor(_ context.Context, _ string, req api.DoctorRequest) (*api.Doctor, error) {
	return &api.Doctor{State: api.StateStopped, Summary: api.DoctorSummary{Fail: 1}, Checks: []api.DoctorCheck{{
		Code: "daemon", Group: "daemon", Status: api.CheckFail, Message: fmt.Sprintf("It is silent, version %q.", req.Daemon), Fix: "botsync start"}}}, nil
}
