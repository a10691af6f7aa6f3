package doctor

import (
	"github.com/botsync/botsync/internal/api"
)

func targets(b *book) {
	switch {
	case b.TargetsErr != nil:
		b.fail("notify", sayf("Where notifications go cannot be read: %v", cause(b.TargetsErr)),
			plain(`Put back a copy of .botsync/notify.json, or move it away and name the targets again: botsync notify --help`))
		return
	case len(b.Targets) == 0:
		b.ok("notify", plain("No target is configured: nothing is notified."))
		return
	}
	for _, t := range b.Targets {
		b.target(t)
	}
}

func (b *book) target(t Target) {
	name := text{t.Name, "[" + oneOf(t.Kind, api.NotifyOpenClaw, api.NotifyWebhook, api.NotifyExec).safe + "]"}
	add := func(status, code string, message, fix text) { b.add(status, code, name, message, fix) }
	retry := sayf("Mend that, then: botsync notify retry %v", text{t.Name, "NAME"})
	switch {
	case b.Live == nil:
		add(api.CheckSkipped, "notify", plain(onlyRunning), text{})
		return
	case t.State == api.NotifyPaused:
		add(api.CheckFail, "notify", sayf("It refuses notifications: %v. %v.", causeOf(t.Err), count(t.Queued, "waits", "wait")), retry)
	case t.State == api.NotifyFailing:
		add(api.CheckWarn, "notify", sayf("It cannot be reached: %v. %v, and botsync goes on trying.", causeOf(t.Err), count(t.Queued, "waits", "wait")),
			plain("See whether it is running."))
	case t.Parked > 0:
		add(api.CheckWarn, "notify", sayf("%v refused and kept: %v.", count(t.Parked, "notification was", "notifications were"), causeOf(t.Err)), retry)
	case t.Delivered.IsZero():
		add(api.CheckOK, "notify", sayf("Nothing was delivered yet; %v.", count(t.Queued, "waits", "wait")), text{})
	default:
		add(api.CheckOK, "notify", sayf("Last delivered at %v; %v.", at(t.Delivered), count(t.Queued, "waits", "wait")), text{})
	}
	switch {
	case !t.Tested:
	case t.TestErr != nil:
		add(api.CheckFail, "notify_test", sayf("A test was not accepted: %v.", cause(t.TestErr)), sayf("Mend that, then: botsync notify test %v", text{t.Name, "NAME"}))
	default:
		add(api.CheckOK, "notify_test", sayf("A test was accepted: %v.", text{t.Answer, "[answer]"}), text{})
	}
}
