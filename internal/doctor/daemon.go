package doctor

import (
	"io/fs"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const startDaemon = "botsync start"

// startPatience is how long a daemon may take until it answers.
const startPatience = time.Minute

func daemon(b *book) {
	d := b.Daemon
	switch {
	case d.Answers:
		b.ok("daemon", sayf("The daemon answers (process %d).", d.PID))
	case d.HeldErr != nil:
		b.fail("daemon", sayf("It cannot be seen whether the daemon is running: %v.", cause(d.HeldErr)),
			plain("Make .botsync/daemon.lock readable for this user."))
	case !d.Held:
		b.fail("daemon", plain("The daemon is not running: nothing is synced."), plain(startDaemon))
	case d.Suspended && d.Ours:
		b.fail("daemon", sayf("The daemon (process %d) is suspended: nothing is synced.", d.PID), sayf("kill -CONT %d", d.PID))
	case d.PID == 0 || b.Now.Sub(d.Started).Abs() < startPatience:
		b.fail("daemon", plain("The daemon is starting, and does not answer yet."), plain("Run botsync doctor again in a minute."))
	case d.Gone:
		b.fail("daemon", sayf("The daemon does not answer: process %d, which daemon.lock names, does not exist here.", d.PID), elsewhere)
	default:
		b.fail("daemon", sayf("The daemon (process %d) does not answer.", d.PID), end(d, "kill -KILL", startDaemon))
	}
}

// elsewhere is what to do about a daemon that this machine does not see.
var elsewhere = plain("See whether another container or machine runs a daemon on this directory, and stop one of the two.")

// end says how to end the daemon, and what then. Of a process that is not seen to be
// the daemon it does not: the lock can be that of another container, whose processes
// have other numbers.
func end(d Daemon, kill, then string) text {
	if d.Ours {
		return sayf("%s %d, then: %s", plain(kill), d.PID, plain(then))
	}
	if d.Gone {
		return elsewhere
	}
	return sayf("See whether process %d is a botsync of this machine. If it is, end it, then: %s. If not, another container or machine runs a daemon on this directory: stop one of the two.",
		d.PID, plain(then))
}

func socket(b *book) {
	s := b.Daemon.Socket
	switch {
	case !b.Daemon.Held && !b.Daemon.Answers:
		b.skip("socket", plain("The daemon is not running."))
	case s.Err != nil:
		b.fail("socket", sayf("The socket %s cannot be used: %v.", b.path(s.Path), cause(s.Err)), plain("botsync stop, then: botsync start"))
	case !s.Exists:
		b.fail("socket", sayf("The socket %s is gone: no command can reach the daemon.", b.path(s.Path)),
			end(b.Daemon, "kill", startDaemon))
	case s.Mode&fs.ModeSocket == 0 && s.Mode&fs.ModeIrregular == 0:
		b.fail("socket", sayf("%s is no socket.", b.path(s.Path)), end(b.Daemon, "kill", "move it away, and "+startDaemon))
	case b.OS != "windows" && s.Mode.Perm()&0o077 != 0:
		b.warn("socket", sayf("The socket %s is open to others (mode %04o).", b.path(s.Path), int(s.Mode.Perm())),
			sayf("chmod 600 %s", quoted(b.path(s.Path))))
	default:
		b.ok("socket", plain("The socket is there, for its owner alone."))
	}
}

func lock(b *book) {
	d := b.Daemon
	switch {
	case d.Held && d.Gone:
		b.warn("lock", sayf("daemon.lock is held, but process %d, which it names, does not exist here.", d.PID),
			elsewhere)
	case d.Held || d.Answers:
		b.ok("lock", plain("One daemon holds the lock."))
	case d.PID != 0 && !d.Gone:
		b.ok("lock", sayf("daemon.lock is left over from process %d, and free.", d.PID))
	default:
		b.ok("lock", plain("daemon.lock is free."))
	}
}

func versions(b *book) {
	d := b.Daemon
	switch {
	case !d.Answers && !d.Held || d.Version == "":
		b.skip("version", sayf("No daemon is running to compare with; this is botsync %s.", version(b.Version)))
	case b.Command != "" && d.Version != b.Command:
		b.warn("version", sayf("The daemon is botsync %s, this command is %s: an update is only half done.", version(d.Version), version(b.Command)),
			plain("botsync stop, then: botsync start"))
	default:
		b.ok("version", sayf("botsync %s with Syncthing %s, the daemon too.", version(d.Version), version(b.Engine)))
	}
}

// covered are the problems of status that a check of its own tells of.
var covered = []string{
	"no_network", "join_pending", "disk_full", "folder_error", "files_failed", "watch_limit", "bad_record", "record_restored",
	"removed", "peer_refuses", "not_shared", "listen_failed", "meeting_failed", "notify_refused", "notify_failing", "notify_parked",
	"held", "clock_jumped",
}

// others are problems that status tells of and no check here knows: so doctor never
// says less than status.
func others(b *book) {
	found := 0
	for _, p := range b.Problems {
		if slices.Contains(covered, p.Code) {
			continue
		}
		found++
		as := api.CheckFail
		if p.Code == "ignores_refused" {
			as = api.CheckWarn // it is as it is to be, unless the owner says otherwise
		}
		b.add(as, "status", oneOf(p.Code, statusCodes...), text{p.Message, hidden}, text{p.Hint, hidden})
	}
	switch {
	case found > 0:
	case b.Live == nil:
		b.skip("status", plain("Only a running daemon can say."))
	default:
		b.ok("status", plain("botsync status knows of no other problem."))
	}
}

// statusCodes are codes of status that may stand in a report.
var statusCodes = []string{"ignores_invalid", "ignores_refused", "name_unholdable"}

// clockSlack is what may be between two looks at a clock that was corrected a little.
const clockSlack = time.Minute

func clock(b *book) {
	setClock := plain("Set the clock, and let it be kept: timedatectl set-ntp true")
	ahead := b.State.Latest.Sub(b.Now)
	switch {
	case b.Now.Year() < 2026:
		b.fail("clock", sayf("The clock says %v, which is long past.", at(b.Now)), setClock)
	case b.Live != nil && b.Live.SetBack > 0:
		b.warn("clock", sayf("The clock says %v, but was later by %v already: it is wrong now, or was then. Old versions stay in order. It is believed after another %v of running.",
			at(b.Now), span(b.Live.SetBack), span(b.Live.Untrusted)), setClock)
	case b.Live != nil && b.Live.SetAhead > 0:
		b.warn("clock", sayf("The clock has jumped ahead by %v, to %v. Old versions have not become older by that.", span(b.Live.SetAhead), at(b.Now)), setClock)
	case b.Live != nil && b.Live.Backwards > clockSlack:
		b.warn("clock", sayf("The clock was set back by %v since the daemon started.", span(b.Live.Backwards)), setClock)
	case !b.State.Latest.IsZero() && ahead > clockSlack:
		b.warn("clock", sayf("The clock says %v, but this device remembers something of %v: it goes wrong now, or did then.", at(b.Now), at(b.State.Latest)), setClock)
	case b.State.Latest.IsZero() && b.Live == nil:
		b.skip("clock", sayf("There is nothing to compare the clock with; it says %v.", at(b.Now)))
	default:
		b.ok("clock", plain("The clock has not gone backwards."))
	}
}
