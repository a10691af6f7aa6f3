package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/doctor"
	"github.com/botsync/botsync/internal/root"
)

// A part that never answers costs the others nothing, and no more time than there is.
func TestCollectDoesNotWaitForWhatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		defer close(hangs)
		var f doctor.Facts
		start := time.Now()
		collect(t.Context(), &f, time.Second, []part{
			{gather: func(context.Context) func(*doctor.Facts) {
				return func(f *doctor.Facts) { f.Log = append(f.Log, "quick") }
			}},
			{gather: func(context.Context) func(*doctor.Facts) { <-hangs; return func(*doctor.Facts) { panic("too late") } },
				late: func(f *doctor.Facts) { f.Log = append(f.Log, "late") }},
			{gather: func(ctx context.Context) func(*doctor.Facts) {
				<-ctx.Done()
				return func(f *doctor.Facts) { f.Log = append(f.Log, "gave up") }
			}},
		})
		if took := time.Since(start); took != time.Second+doctorGrace {
			t.Errorf("it took %v", took)
		}
		if want := []string{"quick", "gave up", "late"}; !slices.Equal(f.Log, want) {
			t.Errorf("%q", f.Log)
		}
	})
}

func TestSetBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ steady, wall, want time.Duration }{
		{time.Hour, time.Hour, 0}, {time.Hour, -time.Hour, 2 * time.Hour}, {time.Hour, 9 * time.Hour, 0}, {time.Hour, 59 * time.Minute, time.Minute},
	} {
		if got := setBack(c.steady, c.wall); got != c.want {
			t.Errorf("%v of %v is set back by %v, not %v", c.wall, c.steady, got, c.want)
		}
	}
}

func TestOfInternet(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2001:4860::8": true, "192.168.1.2": false, "10.1.2.3": false, "100.64.1.2": false, "100.127.0.1": false,
		"100.128.0.1": true, "fd00::1": false, "fe80::1": false, "127.0.0.1": false, "::1": false, "0.0.0.0": false,
	} {
		if got := ofInternet(net.ParseIP(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestProcessState(t *testing.T) {
	t.Parallel()
	if gone, suspended := processState(os.Getpid()); gone || suspended {
		t.Errorf("this process is gone (%v) or suspended (%v)", gone, suspended)
	}
}

// A process is taken for the daemon only if it has the lock's file open.
func TestHasOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if hasOpen(os.Getpid(), path) || hasOpen(os.Getpid(), path+"x") {
		t.Error("this process is said to have open what it has not")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = os.Stat("/proc/self/fd")
	if hasOpen(os.Getpid(), path) != (err == nil) || hasOpen(os.Getppid(), path) {
		t.Error("it is not seen which process has a file open")
	}
}

func offline(t *testing.T, r *root.Root) map[string]api.DoctorCheck {
	t.Helper()
	answer, err := OfflineDoctor(t.Context(), r.Dir(), "v1.2.3", api.DoctorRequest{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]api.DoctorCheck{}
	for _, c := range answer.Checks {
		if c.Status != api.CheckOK && c.Status != api.CheckSkipped {
			out[c.Code] = c
		}
	}
	return out
}

// Of a root that no daemon ever ran in, what can be known is in order, and nothing is
// changed by looking.
func TestOfflineDoctor(t *testing.T) {
	t.Parallel()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "sync"), root.Config{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(r.StateDir())
	if err != nil {
		t.Fatal(err)
	}
	found := offline(t, r)
	if found["daemon"].Fix != "botsync start" || found["member"].Status != api.CheckWarn || len(found) != 2 {
		t.Errorf("%+v", found)
	}
	if after, err := os.ReadDir(r.StateDir()); err != nil || len(after) != len(before) {
		t.Errorf("%v were there, and now %v: %v", before, after, err)
	}

	if err := os.WriteFile(r.MembershipPath(), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.NotifyPath(), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.StatePath(), 0o700); err != nil {
		t.Fatal(err)
	}
	found = offline(t, r)
	for _, code := range []string{"daemon", "member", "state_db", "notify"} {
		if c := found[code]; c.Status != api.CheckFail || c.Fix == "" {
			t.Errorf("%s: %+v", code, c)
		}
	}

	// So damaged that it cannot be opened.
	if err := errors.Join(os.Remove(r.ConfigPath()), os.Mkdir(r.ConfigPath(), 0o700)); err != nil {
		t.Fatal(err)
	}
	if c := offline(t, r)["config"]; c.Status != api.CheckFail {
		t.Errorf("%+v", c)
	}
	if _, err := OfflineDoctor(t.Context(), t.TempDir(), "v1.2.3", api.DoctorRequest{}); !hasErrorCode(err, api.CodeNotInitialised) {
		t.Errorf("of no root it says %v", err)
	}
}

func hasErrorCode(err error, code string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Code == code
}
