package doctor

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const socketMode = fs.ModeSocket

func TestNothingIsWrongWithAHealthyRoot(t *testing.T) {
	t.Parallel()
	for _, c := range Examine(healthy()).Answer().Checks {
		if c.Status != api.CheckOK {
			t.Errorf("%+v", c)
		}
	}
}

// Each case breaks one thing, and names the check that has to say so.
func TestEveryTroubleIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil   func(f *Facts)
		status  string
		code    string
		subject string
		message string
		fix     string
	}{
		"stopped": {func(f *Facts) { f.Daemon = Daemon{}; f.Live = nil }, api.CheckFail, "daemon", "", "The daemon is not running: nothing is synced.", "botsync start"},
		"suspended": {func(f *Facts) { f.Daemon.Answers, f.Daemon.Suspended, f.Live = false, true, nil }, api.CheckFail, "daemon", "",
			"is suspended", "kill -CONT 4711"},
		"silent": {func(f *Facts) { f.Daemon.Answers, f.Live = false, nil }, api.CheckFail, "daemon", "", "does not answer", "kill -KILL 4711"},
		"silent, not here": {func(f *Facts) { f.Daemon.Answers, f.Daemon.Gone, f.Daemon.Ours, f.Live = false, true, false, nil }, api.CheckFail, "daemon", "",
			"4711, which daemon.lock names, does not exist here", "another container"},
		"silent, another's number": {func(f *Facts) { f.Daemon.Answers, f.Daemon.Ours, f.Live = false, false, nil }, api.CheckFail, "daemon", "",
			"does not answer", "See whether process 4711 is a botsync of this machine"},
		"no socket, another's number": {func(f *Facts) { f.Daemon.Socket.Exists, f.Daemon.Ours = false, false }, api.CheckFail, "socket", "",
			"is gone", "See whether process 4711 is a botsync of this machine"},
		"suspended, another's number": {func(f *Facts) { f.Daemon.Answers, f.Daemon.Ours, f.Daemon.Suspended, f.Live = false, false, true, nil }, api.CheckFail, "daemon", "",
			"does not answer", "See whether process 4711 is a botsync of this machine"},
		"just started":  {func(f *Facts) { f.Daemon.Answers, f.Daemon.Started, f.Live = false, f.Now.Add(-time.Second), nil }, api.CheckFail, "daemon", "", "starting", "again"},
		"starting":      {func(f *Facts) { f.Daemon.Answers, f.Daemon.PID, f.Live = false, 0, nil }, api.CheckFail, "daemon", "", "starting", "again"},
		"lock unread":   {func(f *Facts) { f.Daemon = Daemon{HeldErr: fs.ErrPermission}; f.Live = nil }, api.CheckFail, "daemon", "", "cannot be seen", "daemon.lock"},
		"no socket":     {func(f *Facts) { f.Daemon.Socket.Exists = false }, api.CheckFail, "socket", "", "is gone", "botsync start"},
		"a file":        {func(f *Facts) { f.Daemon.Socket.Mode = 0o600 }, api.CheckFail, "socket", "", "is no socket", "move it away"},
		"socket broken": {func(f *Facts) { f.Daemon.Socket.Err = fs.ErrPermission }, api.CheckFail, "socket", "", "cannot be used", "botsync stop"},
		"open socket":   {func(f *Facts) { f.Daemon.Socket.Mode = socketMode | 0o666 }, api.CheckWarn, "socket", "", "0666", "chmod 600"},
		"other host":    {func(f *Facts) { f.Daemon.Gone = true }, api.CheckWarn, "lock", "", "does not exist here", "container"},
		"old daemon":    {func(f *Facts) { f.Daemon.Version = "v1.2.2" }, api.CheckWarn, "version", "", "v1.2.2", "botsync stop, then: botsync start"},

		"bad config": {func(f *Facts) {
			f.Config.Err, f.Config.Hint = errors.New(`line 3: there is no setting "lan_onyl"`), "Did you mean lan_only?"
		}, api.CheckFail, "config", "", "lan_onyl", "Did you mean lan_only?"},
		"config changed":  {func(f *Facts) { f.Config.Changed = true }, api.CheckWarn, "config_applied", "", "was changed", "botsync start"},
		"no key":          {func(f *Facts) { f.Identity.Missing = true }, api.CheckFail, "identity", "", "missing", "copy"},
		"bad key":         {func(f *Facts) { f.Identity.Err = errors.New("is damaged") }, api.CheckFail, "identity", "", "is damaged", "copy"},
		"other key":       {func(f *Facts) { f.Identity.Other = true }, api.CheckFail, "identity", "", "not the one", "copy"},
		"open key":        {func(f *Facts) { f.Identity.Modes[0].Mode = 0o644 }, api.CheckFail, "key_mode", "", "0644", "chmod 600 /home/me/sync/.botsync/identity/key.pem"},
		"closed key":      {func(f *Facts) { f.Identity.Modes[0].Mode = 0 }, api.CheckFail, "key_mode", "", "cannot be read", "chmod 600"},
		"open directory":  {func(f *Facts) { f.Identity.Modes[0].Mode = fs.ModeDir | 0o755 }, api.CheckFail, "key_mode", "", "0755", "chmod 700"},
		"damaged state":   {func(f *Facts) { f.State.Err, f.State.Damaged = errors.New("file is not a database"), true }, api.CheckFail, "state_db", "", "not a database", "state.db.damaged"},
		"closed state":    {func(f *Facts) { f.State.Err = fs.ErrPermission }, api.CheckFail, "state_db", "", "permission denied", "readable"},
		"future":          {func(f *Facts) { f.State.Latest = f.Now.Add(time.Hour) }, api.CheckWarn, "clock", "", "remembers", "timedatectl"},
		"set back before": {func(f *Facts) { f.Live.SetBack, f.Live.Untrusted = 400*24*time.Hour, 5*time.Hour }, api.CheckWarn, "clock", "", "was later by 400 days", "timedatectl"},
		"jumped ahead":    {func(f *Facts) { f.Live.SetAhead = 60 * 24 * time.Hour }, api.CheckWarn, "clock", "", "jumped ahead by 60 days", "timedatectl"},
		"set back":        {func(f *Facts) { f.Live.Backwards = time.Hour }, api.CheckWarn, "clock", "", "set back by 1 h", "timedatectl"},
		"1970":            {func(f *Facts) { f.Now = time.Unix(0, 0) }, api.CheckFail, "clock", "", "long past", "timedatectl"},

		"full":         {func(f *Facts) { f.Disk.Free = 1 << 20 }, api.CheckFail, "disk_space", "", "The disk is full (1.0 MiB free)", "Make room"},
		"nearly full":  {func(f *Facts) { f.Disk.Free = 3 << 29 }, api.CheckWarn, "disk_space", "", "nearly full", "Make room"},
		"large files":  {func(f *Facts) { f.Problems = []api.Problem{{Code: "disk_full"}} }, api.CheckFail, "disk_space", "", "no room for some files", "Make room"},
		"no disk":      {func(f *Facts) { f.Disk.Err = fs.ErrNotExist }, api.CheckFail, "disk_space", "", "cannot be looked at", "mounted"},
		"read-only":    {func(f *Facts) { f.Disk.Writable = errors.New("read-only file system") }, api.CheckFail, "disk_writable", "", "read-only", "mount"},
		"much history": {func(f *Facts) { f.Disk.Versions = 20 << 30 }, api.CheckWarn, "history", "", "20.0 GiB", "oldest"},

		"alone":      {func(f *Facts) { f.Peers = nil }, api.CheckWarn, "member", "", "alone", "botsync invite"},
		"no network": {func(f *Facts) { f.Member.Network = false }, api.CheckWarn, "member", "", "in no network", "botsync invite"},
		"removed":    {func(f *Facts) { f.Member.Removed, f.Member.By = true, "laptop" }, api.CheckFail, "member", "", "by laptop", "botsync join CODE"},
		"unreadable": {func(f *Facts) { f.Member.Err = errors.New("it is damaged") }, api.CheckFail, "member", "", "is damaged", "copy"},
		"pending":    {func(f *Facts) { f.Member.Pending = f.Now }, api.CheckWarn, "member", "", "not complete", "other machine"},
		"bad record": {func(f *Facts) { f.Member.Bad = []BadRecord{{"devices/x", errors.New("it is no record")}} }, api.CheckWarn, "record", "devices/x", "ignored", ".botsync/network"},
		"restored":   {func(f *Facts) { f.Member.Restored = 2 }, api.CheckWarn, "record", "", "2 device records were", "alone"},
		"ghost":      {func(f *Facts) { f.Member.Ghosts = []string{"phone"} }, api.CheckFail, "removed_device", "phone", "is connected", "botsync start"},

		"gone":      {func(f *Facts) { f.Folders[1].Missing = true }, api.CheckFail, "folder", "deliverables", "is missing", "Put it back"},
		"unmarked":  {func(f *Facts) { f.Folders[0].Unmarked = true }, api.CheckFail, "folder", "shared", ".stfolder is missing", "mkdir /home/me/sync/shared/.stfolder"},
		"forbidden": {func(f *Facts) { f.Folders[0].Err = fs.ErrPermission }, api.CheckFail, "folder", "shared", "permission denied", "readable and writable"},
		"error":     {func(f *Facts) { f.Folders[0].Stopped = "insufficient space" }, api.CheckFail, "folder", "shared", "insufficient space", "Make room"},
		"files":     {func(f *Facts) { f.Folders[0].Failed, f.Folders[0].FailedFiles = 3, []api.FailedFile{{Path: "a"}} }, api.CheckFail, "files", "shared", "3 files cannot be synced, the first: a", "Mend"},
		"one file": {func(f *Facts) {
			f.Folders[0].Failed, f.Folders[0].FailedFiles = 1, []api.FailedFile{{Path: "shared/a", Code: api.FailedPermission, Reason: "this user may not read it", Hint: "Give the right."}}
		}, api.CheckFail, "files", "shared", "1 file cannot be synced: shared/a: this user may not read it (permission_denied).", "Give the right."},
		"several causes": {func(f *Facts) {
			f.Folders[0].Failed = 40
			for _, code := range []string{api.FailedPermission, api.FailedPermission, api.FailedReadOnly, api.FailedReadOnly} {
				f.Folders[0].FailedFiles = append(f.Folders[0].FailedFiles, api.FailedFile{Path: "shared/a", Code: code, Reason: "no", Hint: "Mend " + code + "."})
			}
		}, api.CheckFail, "files", "shared", "40 files cannot be synced, the first: shared/a: no (permission_denied), others: read_only.", "Mend permission_denied. Mend read_only."},
		"held":          {func(f *Facts) { f.Folders[0].IsHeld, f.Folders[0].Held = true, 60 }, api.CheckFail, "held", "shared", "60 files went away", "botsync resume shared --undo"},
		"held, stopped": {func(f *Facts) { f.Daemon, f.Live = Daemon{}, nil; f.Folders[0].IsHeld, f.Folders[0].Held = true, 60 }, api.CheckFail, "held", "shared", "60 files", "--undo"},
		"decided":       {func(f *Facts) { f.Folders[0].IsHeld, f.Folders[0].Deciding = true, true }, api.CheckWarn, "held", "shared", "being done", "Wait"},
		"missing":       {func(f *Facts) { f.Folders[0].NeedFiles = 2; f.Peers[0].Connected = false }, api.CheckWarn, "missing", "shared", "no device is connected", "Start botsync"},
		"to come":       {func(f *Facts) { f.Folders[0].NeedFiles, f.Folders[0].NeedBytes = 2, 3<<20 }, api.CheckOK, "missing", "shared", "2 files (3.0 MiB) are still to come.", ""},
		"one to come":   {func(f *Facts) { f.Folders[0].NeedFiles = 1 }, api.CheckOK, "missing", "shared", "1 file (0 B) is still to come.", ""},
		"conflicts":     {func(f *Facts) { f.Folders[0].Conflicts = 2 }, api.CheckWarn, "conflicts", "shared", "2 conflict copies", "botsync conflicts"},
		"local":         {func(f *Facts) { f.Folders[2].Local = 1 }, api.CheckWarn, "local_changes", "inbox", "1 change", "botsync revert"},
		"ignored":       {func(f *Facts) { f.Folders[2].Ignored = 7 }, api.CheckOK, "ignored", "inbox", "7 names", ""},
		"no watches":    {func(f *Facts) { f.Live.Watch.Folders = []string{"shared"}; f.Live.Watch.Command = "sudo sysctl -w x=1" }, api.CheckWarn, "watch", "", "noticed late", "sudo sysctl"},

		"port taken":   {func(f *Facts) { f.Live.Listeners[0].Err = "address already in use" }, api.CheckFail, "port", "tcp://0.0.0.0:22010", "already in use", "ss -lntup"},
		"other port":   {func(f *Facts) { f.Live.Port, f.Live.Taker = 40123, "nginx (process 12)" }, api.CheckOK, "port", "", "22010, which it had or should have, is taken by nginx", ""},
		"offline":      {func(f *Facts) { f.Live.Interfaces = f.Live.Interfaces[:1] }, api.CheckWarn, "lan", "", "but loopback", "Connect"},
		"no multicast": {func(f *Facts) { f.Live.Interfaces[1].Multicast = false }, api.CheckWarn, "lan", "", "multicast", "--ticket"},
		"no announcement": {func(f *Facts) { f.Live.Discovery[0].Err, f.Live.Discovery[1].Err = "in use", "in use" }, api.CheckWarn, "lan", "",
			"not found by themselves", "--ticket"},
		"no discovery":  {func(f *Facts) { f.Live.Discovery[2].Err = "i/o timeout" }, api.CheckWarn, "discovery", "", "i/o timeout", "HTTPS"},
		"lan only":      {func(f *Facts) { f.Live.LANOnly = true }, api.CheckSkipped, "discovery", "", "lan_only", ""},
		"no servers":    {func(f *Facts) { f.Live.NoDiscovery = true }, api.CheckSkipped, "discovery", "", "No discovery server", ""},
		"no relays":     {func(f *Facts) { f.Live.NoRelays = true }, api.CheckSkipped, "syncthing_relay", "", "No relay", ""},
		"relays down":   {func(f *Facts) { f.Live.Listeners[1].Err, f.Live.Listeners[1].Found = "no route to host", 0 }, api.CheckWarn, "syncthing_relay", "", "no route", "internet"},
		"relay down":    {func(f *Facts) { f.Relay.Err = errors.New("connection refused") }, api.CheckWarn, "pairing_relay", "https://relay.example.com", "connection refused", "config.toml"},
		"relay unasked": {func(f *Facts) { f.Config.LANOnly = true }, api.CheckSkipped, "pairing_relay", "", "lan_only", ""},
		"invite": {func(f *Facts) {
			f.Live.Invites = []Way{{Name: "lan", Open: true}, {Name: "relay", Target: "https://r", Err: "connection refused"}}
		}, api.CheckWarn, "invite", "relay", "connection refused", "other ways"},
		"invite, open": {func(f *Facts) {
			lan := Way{Name: "lan", Target: "UDP port 22011", Open: true}
			f.Live.Invites = []Way{lan, {Name: "ticket", Open: true}, lan, {Name: "relay", Target: "https://r", Err: "connection refused"}}
		}, api.CheckOK, "invite", "lan", "2 open invites can be redeemed this way (UDP port 22011).", ""},
		"invite, unknown": {func(f *Facts) { f.Live.Invites = []Way{{Name: "global", Target: "Syncthing's servers"}} }, api.CheckSkipped, "invite", "global",
			"Whether 1 open invite can be redeemed this way (Syncthing's servers) is not known yet.", ""},
		"no invite":      {func(*Facts) {}, api.CheckOK, "invite", "", "No invite is open.", ""},
		"mapped":         {func(*Facts) {}, api.CheckOK, "port_mapping", "", "The router leads here, by UPnP or NAT-PMP: tcp://198.51.100.7:31234.", ""},
		"mapped, relay":  {func(f *Facts) { f.Peers[0].Via = api.ViaRelay }, api.CheckOK, "port_mapping", "", "leads here", ""},
		"lan, no router": {func(f *Facts) { f.Live.LANOnly = true }, api.CheckSkipped, "port_mapping", "", "lan_only", ""},
		"not mapped":     {func(f *Facts) { f.Live.Listeners[0].Mapped = nil }, api.CheckSkipped, "port_mapping", "", "No router has given a port by", ""},
		"not mapped, relay": {func(f *Facts) { f.Live.Listeners[0].Mapped, f.Peers[0].Via = nil, api.ViaRelay }, api.CheckWarn, "port_mapping", "",
			"1 device is connected through a relay", "port 22010 here"},
		"not mapped, relay gone": {func(f *Facts) {
			f.Live.Listeners[0].Mapped, f.Peers[0].Via, f.Peers[0].Connected = nil, api.ViaRelay, false
		}, api.CheckSkipped, "port_mapping", "", "No router has given a port by", ""},
		"not mapped, public": {func(f *Facts) {
			f.Live.Listeners[0].Mapped, f.Live.Interfaces[1].Public, f.Peers[0].Via = nil, true, api.ViaRelay
		}, api.CheckSkipped, "port_mapping", "",
			"none is needed", ""},

		"peer off": {func(f *Facts) { f.Peers[0].Connected = false }, api.CheckWarn, "peer", "laptop", "last seen 2 min ago. No address", "running there"},
		"peer fresh": {func(f *Facts) {
			f.Peers[0].Connected, f.Peers[0].Addresses = false, []Dial{{Address: "tcp://192.0.2.1:1"}}
		}, api.CheckWarn, "peer", "laptop",
			"1 address is known, none tried yet", "running there"},
		"refused":   {func(f *Facts) { f.Peers[0].Refuses = true }, api.CheckFail, "peer", "laptop", "ends every connection", "botsync devices"},
		"unshared":  {func(f *Facts) { f.Peers[0].Unshared = true }, api.CheckWarn, "peer", "laptop", "accepted no folder", "Accept"},
		"old peer":  {func(f *Facts) { f.Clocks["PEER"] = PeerClock{Version: "v1.0.0"} }, api.CheckWarn, "peer_version", "laptop", "v1.0.0", "Update"},
		"unknown":   {func(f *Facts) { f.Clocks = nil }, api.CheckSkipped, "peer_clock", "laptop", "not known", ""},
		"peer fast": {func(f *Facts) { f.Clocks["PEER"] = PeerClock{Offset: Offset{true, time.Hour, 2 * time.Hour}} }, api.CheckWarn, "peer_clock", "laptop", "ahead of this one, by 1 h", "timedatectl"},
		"peer slow": {func(f *Facts) { f.Clocks["PEER"] = PeerClock{Offset: Offset{true, -2 * time.Hour, -time.Hour}} }, api.CheckWarn, "peer_clock", "laptop", "behind this one, by 1 h", "timedatectl"},

		"target refuses":  {func(f *Facts) { f.Targets[0].State, f.Targets[0].Err = api.NotifyPaused, "401 Unauthorized" }, api.CheckFail, "notify", "openclaw", "401", "botsync notify retry openclaw"},
		"target down":     {func(f *Facts) { f.Targets[0].State, f.Targets[0].Queued = api.NotifyFailing, 2 }, api.CheckWarn, "notify", "openclaw", "2 wait", "running"},
		"parked":          {func(f *Facts) { f.Targets[0].Parked = 1 }, api.CheckWarn, "notify", "openclaw", "1 notification was refused", "botsync notify retry openclaw"},
		"targets damaged": {func(f *Facts) { f.TargetsErr = errors.New("damaged") }, api.CheckFail, "notify", "", "cannot be read", "notify.json"},
		"test refused":    {func(f *Facts) { f.Targets[0].Tested, f.Targets[0].TestErr = true, errors.New("404 Not Found") }, api.CheckFail, "notify_test", "openclaw", "404", "botsync notify test openclaw"},

		"new problem": {func(f *Facts) { f.Problems = []api.Problem{{Code: "flood", Message: "There is water.", Hint: "Swim."}} }, api.CheckFail, "status", "flood", "There is water.", "Swim."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := healthy()
			c.spoil(&f)
			answer := Examine(f).Answer()
			for _, got := range answer.Checks {
				if got.Code == c.code && got.Subject == c.subject && got.Status == c.status {
					if !strings.Contains(got.Message, c.message) || !strings.Contains(got.Fix, c.fix) || (c.fix == "") != (got.Fix == "") {
						t.Errorf("it is %+v", got)
					}
					return
				}
			}
			t.Errorf("no %s of %s %s: %+v", c.status, c.code, c.subject, answer.Checks)
		})
	}
}

// Whatever is wrong has a fix, and what is first is that the daemon is not running.
func TestEveryTroubleHasAFix(t *testing.T) {
	t.Parallel()
	f := healthy()
	f.Daemon, f.Live = Daemon{}, nil
	f.Folders[0].Missing, f.Config.Err, f.Disk.Free = true, errors.New("bad"), 0
	answer := Examine(f).Answer()
	first := ""
	for _, c := range answer.Checks {
		if c.Status == api.CheckFail && first == "" {
			first = c.Code
		}
		if (c.Status == api.CheckFail || c.Status == api.CheckWarn) && c.Fix == "" || c.Message == "" {
			t.Errorf("%+v", c)
		}
	}
	if s := answer.Summary; first != "daemon" || s.Fail != 4 || s.OK+s.Warn+s.Fail+s.Skipped != len(answer.Checks) {
		t.Errorf("the first is %s, of %+v", first, s)
	}
}

// What is known of the files that cannot be synced is passed on as it is, with codes
// and hints.
func TestFailedFilesArePassedOn(t *testing.T) {
	t.Parallel()
	f := healthy()
	want := []api.FailedFile{{Path: "inbox/a", Code: api.FailedReadOnly, Reason: "r", Detail: "d", Hint: "h"}, {Path: "inbox/b", Code: api.FailedOther}}
	f.Folders[2].Failed, f.Folders[2].FailedFiles = 2, want
	for _, c := range Examine(f).Answer().Checks {
		switch {
		case c.Code == "files" && c.Subject == "inbox":
			if !slices.Equal(c.Failed, want) {
				t.Errorf("%+v", c)
			}
		case c.Failed != nil:
			t.Errorf("%+v", c)
		}
	}
}
