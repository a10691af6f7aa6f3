package cli

import (
	"context"
	"os"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// fakeNotify is the part of the fake daemon that knows one target, which is kept
// by nobody.
type fakeNotify struct{ target *api.NotifyTarget }

func (f *fakeNotify) known(name string) error {
	if f.target == nil || f.target.Name != name {
		return api.Errorf(api.CodeUsage, "Look.", "there is no target %q", name)
	}
	return nil
}

func (f *fakeNotify) Notify(context.Context) (*api.NotifyStatus, error) {
	st := &api.NotifyStatus{Targets: []api.NotifyTargetStatus{}, Folders: []string{"inbox"}, MaxPerHour: 60}
	if t := f.target; t != nil {
		st.Targets = append(st.Targets, api.NotifyTargetStatus{Name: t.Name, Kind: t.Kind, URL: t.URL, Command: t.Command,
			State: api.NotifyPaused, Queued: 2, Error: "it answered 401\x1b[31m"})
	}
	return st, nil
}

func (f *fakeNotify) SetTarget(_ context.Context, t api.NotifyTarget) (*api.NotifySetLine, error) {
	line := &api.NotifySetLine{Name: t.Name, Kind: t.Kind}
	if t.Kind == api.NotifyWebhook && f.target == nil {
		line.Secret = "whsec_c2VjcmV0"
	}
	if t.Kind == api.NotifyOpenClaw {
		t.URL += "#" + t.Token // so that a script sees what came
	}
	f.target = &t
	return line, nil
}

func (f *fakeNotify) TargetOff(_ context.Context, name string) (*api.NotifyOffLine, error) {
	if err := f.known(name); err != nil {
		return nil, err
	}
	f.target = nil
	return &api.NotifyOffLine{Name: name, Dropped: 2}, nil
}

func (f *fakeNotify) RetryTarget(_ context.Context, name string) (*api.NotifyRetryLine, error) {
	return &api.NotifyRetryLine{Name: name, Queued: 2}, f.known(name)
}

func (f *fakeNotify) TestTarget(_ context.Context, name string) (*api.NotifyTestLine, error) {
	if err := f.known(name); err != nil {
		return nil, err
	}
	if code := os.Getenv("FAKE_TEST"); code != "" || strings.HasPrefix(f.target.URL, "http://down") {
		return nil, api.Errorf(api.CodeUnreachable, "See.", "%s did not accept the test", name)
	}
	return &api.NotifyTestLine{Name: name, Kind: f.target.Kind, Answer: "200 OK", MS: 1.5}, nil
}
