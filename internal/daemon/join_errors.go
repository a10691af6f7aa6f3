package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/pairing"
)

// explain says what a failed join means to a user, and what to do next.
func (j *join) explain(ctx context.Context, err error) error {
	var user *api.Error
	if errors.As(err, &user) {
		return user
	}
	var connecting *connectError
	var uncertain *pairing.UncertainError
	var refused *pairing.RefusedError
	var version *pairing.ProtocolError
	var nobody *meeting.NobodyError
	var unreachable *meeting.UnreachableError
	newCode := `Ask for a new code ("botsync invite" on the other machine) and join with that.`
	if j.ticket != nil {
		newCode = `Ask for a new ticket ("botsync invite --ticket" on the other machine) and join with that.`
	}
	switch {
	case errors.As(err, &connecting), errors.As(err, &uncertain) && !errors.As(err, &refused):
		return api.Errorf(api.CodeTimeout,
			`The two devices go on trying; "botsync status" shows when they are connected. If they never are, a firewall may block port `+
				fmt.Sprint(j.d.engine.Port())+`. Joining again with the same code is safe.`,
			"paired with the other side, but not connected to it in time")
	case errors.As(err, &refused) && refused.Code == pairing.CodeInviteUsed:
		return api.Errorf(api.CodeCodeUnknown, newCode, "this code was used by another device")
	case errors.As(err, &refused):
		return api.Errorf(api.CodeRefused, "Run \"botsync status\" on the other machine to see what it is doing.", "the other side refused: %s", refused.Message)
	case errors.As(err, &version):
		return api.Errorf(api.CodeProtocol, "Update the older one and try again.", "%v", version)
	case j.expired(ctx, err) != nil:
		e := api.Errorf(api.CodeCodeUnknown, newCode, "nobody was found by this ticket: %v", j.expired(ctx, err))
		switch {
		case errors.As(err, &unreachable):
			e.Ways = j.tried(unreachable.Failures)
		case errors.As(err, &nobody):
			e.Ways = j.tried(nil)
		}
		return e
	case errors.As(err, &nobody):
		e := api.Errorf(api.CodeCodeUnknown, newCode, "nobody is waiting under this code: it is wrong, has expired or was used")
		if j.ticket != nil {
			e.Message = "nobody is waiting for this ticket any more: it has expired or was used"
		}
		if len(j.ways) == 1 && j.ways[0].Name() == "lan" {
			e.Hint += " Both machines have to be on the same network, or use a relay that both can reach (--relay)."
		}
		e.Ways = j.tried(nil)
		return e
	case errors.As(err, &unreachable):
		e := api.Errorf(api.CodeUnreachable, whatToCheck(unreachable.Failures), "%v", unreachable)
		e.Ways = j.tried(unreachable.Failures)
		return e
	case ctx.Err() != nil:
		return api.Errorf(api.CodeTimeout, "Try again, with a longer --timeout if the other side is far away.",
			"the time ran out before the other side was found")
	}
	return fmt.Errorf("joining: %w", err)
}

// expired returns what speaks for a ticket having expired, if a join failed
// because nobody was found by it. It is asked only then, because the clock that
// it relies on may be wrong: it is the host's that counts.
func (j *join) expired(ctx context.Context, err error) error {
	var nobody *meeting.NobodyError
	var unreachable *meeting.UnreachableError
	if j.ticket == nil || !errors.As(err, &nobody) && !errors.As(err, &unreachable) && ctx.Err() == nil {
		return nil
	}
	return j.ticket.CheckExpiry(time.Now())
}

// whatToCheck is the hint for ways that could not be used.
func whatToCheck(failures []meeting.WayError) string {
	what := []string{"the network connection"}
	for _, f := range failures {
		switch f.Way {
		case "relay":
			what = append(what, "the relay's URL")
		case "ticket":
			what = append(what, "that the other machine is on and its firewall lets the port in")
		}
	}
	slices.Sort(what[1:])
	return "Check " + enumerate(slices.Compact(what)) + ", then try again."
}

// tried lists the ways that were tried, given those that could not be.
func (j *join) tried(failures []meeting.WayError) []api.Way {
	var ways []api.Way
	for _, w := range j.ways {
		way := api.Way{Name: w.Name(), Target: w.Target(), OK: true}
		for _, f := range failures {
			if f.Way == way.Name && f.Target == way.Target {
				way.OK, way.Error = false, f.Err.Error()
			}
		}
		ways = append(ways, way)
	}
	return ways
}
