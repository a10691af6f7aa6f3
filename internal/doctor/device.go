package doctor

import (
	"slices"

	"github.com/botsync/botsync/internal/api"
)

func config(b *book) {
	c := b.Config
	if c.Err != nil {
		fix := text{c.Hint, "Correct config.toml."}
		if c.Hint == "" {
			fix = plain("Correct config.toml.")
		}
		b.fail("config", sayf("config.toml cannot be used: %v", cause(c.Err)), fix)
		b.skip("config_applied", plain("config.toml cannot be read."))
		return
	}
	b.ok("config", plain("config.toml is valid, with no unknown setting."))
	switch {
	case b.Live == nil:
		b.skip("config_applied", plain("No daemon answers that could have read it."))
	case c.Changed:
		b.warn("config_applied", plain("config.toml was changed since the daemon read it."), plain("botsync stop, then: botsync start"))
	default:
		b.ok("config_applied", plain("The daemon works with the settings of config.toml."))
	}
}

func identity(b *book) {
	id := b.Identity
	const again = "Put back a copy of both files, or move .botsync away and join with a new code; the files in the folders stay."
	switch {
	case id.Err != nil:
		b.fail("identity", sayf("Certificate and key in %s cannot be used: %v", b.path(id.Dir), cause(id.Err)), plain(again))
	case id.Missing && b.Member.Network:
		b.fail("identity", sayf("Certificate and key are missing in %s.", b.path(id.Dir)), plain(again))
	case id.Missing:
		b.skip("identity", plain("There is none yet; the daemon makes it when it starts."))
	case id.Other:
		b.fail("identity", plain("The certificate is not the one that the daemon is running with."), plain(again))
	default:
		b.ok("identity", plain("Certificate and key belong together."))
	}
}

func modes(b *book) {
	switch {
	case b.OS == "windows":
		b.skip("key_mode", plain("There are no modes on Windows."))
		return
	case len(b.Identity.Modes) == 0:
		b.skip("key_mode", plain("There is no key."))
		return
	}
	open := 0
	for _, m := range b.Identity.Modes {
		mode := "600"
		if m.Mode.IsDir() {
			mode = "700"
		}
		switch perm := m.Mode.Perm(); {
		case perm&0o077 != 0:
			b.fail("key_mode", sayf("%s is open to others (mode %04o).", b.path(m.Path), int(perm)), sayf("chmod %s %s", plain(mode), quoted(b.path(m.Path))))
		case perm&0o400 == 0:
			b.fail("key_mode", sayf("%s cannot be read by its owner (mode %04o).", b.path(m.Path), int(perm)), sayf("chmod %s %s", plain(mode), quoted(b.path(m.Path))))
		default:
			continue
		}
		open++
	}
	if open == 0 {
		b.ok("key_mode", plain("What is secret is for its owner alone."))
	}
}

func state(b *book) {
	s := b.State
	switch {
	case s.Unknown:
		b.skip("state_db", plain("state.db is too large, or the disk too slow, to be checked in time."))
	case s.Damaged:
		b.fail("state_db", sayf("%s is damaged: %v", b.path(s.Path), cause(s.Err)),
			sayf("botsync stop, mv %s %s.damaged, botsync start: open invites, the log and waiting notifications are lost, files are not.", quoted(b.path(s.Path)), quoted(b.path(s.Path))))
	case s.Err != nil:
		b.fail("state_db", sayf("%s cannot be read: %v", b.path(s.Path), cause(s.Err)), plain("Make it readable and writable for this user."))
	case s.Missing:
		b.skip("state_db", plain("There is none yet; the daemon makes it when it starts."))
	default:
		b.ok("state_db", plain("state.db is sound."))
	}
}

func disk(b *book) {
	d := b.Disk
	const room = "Make room; botsync goes on by itself."
	switch {
	case d.Err != nil:
		b.fail("disk_space", sayf("The disk of the root cannot be looked at: %v.", cause(d.Err)), plain("See whether it is mounted."))
	case d.Free < d.Reserve:
		b.fail("disk_space", sayf("The disk is full (%v free): no files are received until %v are.", size(d.Free), size(d.Reserve)), plain(room))
	case slices.ContainsFunc(b.Problems, func(p api.Problem) bool { return p.Code == "disk_full" }):
		b.fail("disk_space", sayf("There is no room for some files (%v free, of which %v stay so): the others are received.", size(d.Free), size(d.Reserve)), plain(room))
	case d.Free < 2*d.Reserve:
		b.warn("disk_space", sayf("The disk is nearly full: %v free, and below %v no files are received.", size(d.Free), size(d.Reserve)), plain(room))
	default:
		b.ok("disk_space", sayf("%v of %v free.", size(d.Free), size(d.Total)))
	}
	if d.Writable != nil {
		b.fail("disk_writable", sayf(".botsync cannot be written to: %v.", cause(d.Writable)),
			plain("Make it writable for the user who runs botsync; mount the file system for writing."))
		return
	}
	b.ok("disk_writable", plain(".botsync can be written to."))
}

func history(b *book) {
	d := b.Disk
	switch {
	case !d.VersionsKnown:
		b.skip("history", plain("It takes too long to add up what is in .botsync/versions."))
	case d.VersionsLimit > 0 && d.Versions > d.VersionsLimit+d.VersionsLimit/10:
		b.warn("history", sayf("Old versions take %v, more than their limit of %v.", size(d.Versions), size(d.VersionsLimit)),
			plain("Nothing has to be done unless it stays so: the oldest are removed by and by."))
	case d.VersionsLimit > 0:
		b.ok("history", sayf("Old versions take %v of at most %v.", size(d.Versions), size(d.VersionsLimit)))
	default:
		b.ok("history", sayf("Old versions take %v.", size(d.Versions)))
	}
}

func member(b *book) {
	m := b.Member
	const join = `botsync invite for a code, or: botsync join CODE`
	switch {
	case m.Err != nil:
		b.fail("member", sayf("What is known of the network cannot be read: %v", cause(m.Err)),
			plain("Put back a copy of .botsync/membership.json and members.json, or move them away, start again and join with a new code."))
	case m.Removed && m.By != "":
		b.fail("member", sayf("This device was removed from its network by %s.", text{m.By, "[device]"}), plain("botsync join CODE, with a new code"))
	case m.Removed:
		b.fail("member", plain("This device was removed from its network."), plain("botsync join CODE, with a new code"))
	case !m.Network:
		b.warn("member", plain("This root is in no network yet: there is nobody to sync with."), plain(join))
	case !m.Pending.IsZero():
		b.warn("member", sayf("A join is not complete: it is tried until %v.", at(m.Pending)), plain("See that botsync is running on the other machine."))
	case len(b.Peers) == 0:
		b.warn("member", plain("This device is alone in its network."), plain(join))
	default:
		b.ok("member", sayf("This device is in a network with %v.", count(len(b.Peers), "other", "others")))
	}
}

func records(b *book) {
	m := b.Member
	for _, r := range m.Bad {
		b.add(api.CheckWarn, "record", text{r.Path, "[path]"}, sayf("It is no device record, and ignored: %v.", cause(r.Err)),
			plain("Look at it in .botsync/network; removing it removes no device."))
	}
	switch {
	case len(m.Bad) > 0:
	case m.Restored > 0:
		b.warn("record", sayf("%v deleted or damaged, and put back.", count(m.Restored, "device record was", "device records were")),
			plain(`Leave .botsync/network alone; use "botsync devices".`))
	case !m.Network || m.Err != nil:
		b.skip("record", plain("There are no device records."))
	default:
		b.ok("record", plain("All device records are in order."))
	}
}

func ghosts(b *book) {
	for _, name := range b.Member.Ghosts {
		b.add(api.CheckFail, "removed_device", text{name, "[device]"}, plain("It was removed from the network, and is connected."),
			plain("botsync stop, then: botsync start"))
	}
	switch {
	case len(b.Member.Ghosts) > 0:
	case b.Live == nil:
		b.skip("removed_device", plain("Only a running daemon can say who is connected."))
	default:
		b.ok("removed_device", plain("No device that was removed is connected."))
	}
}
