package doctor

import (
	"cmp"
	"slices"

	"github.com/botsync/botsync/internal/api"
)

// Check is one check, in full and for a report.
type check struct {
	code    string
	subject text
	status  string
	message text
	fix     text
	failed  []api.FailedFile
}

// Result is what an examination found.
type Result struct {
	facts  Facts
	names  *names
	checks []check
}

// book takes the checks that are made.
type book struct {
	Facts
	names  *names
	checks []check
}

func (b *book) add(status, code string, subject, message, fix text) {
	b.checks = append(b.checks, check{code: code, subject: subject, status: status, message: message, fix: fix})
}

func (b *book) ok(code string, message text) { b.add(api.CheckOK, code, text{}, message, text{}) }

func (b *book) skip(code string, why text) { b.add(api.CheckSkipped, code, text{}, why, text{}) }

func (b *book) warn(code string, message, fix text) {
	b.add(api.CheckWarn, code, text{}, message, fix)
}

func (b *book) fail(code string, message, fix text) {
	b.add(api.CheckFail, code, text{}, message, fix)
}

// path is one below the root.
func (b *book) path(p string) text { return pathIn(b.Root, p) }

// Examine makes every check for which there are facts.
func Examine(f Facts) *Result {
	b := &book{Facts: f, names: newNames(f)}
	for _, examine := range []func(*book){
		daemon, socket, lock, versions, config, identity, modes, state, clock, disk, history,
		member, records, ghosts, folders, watching, ports, mapping, lan, discovery, syncthingRelays, pairingRelay, invites,
		peers, targets, others,
	} {
		examine(b)
	}
	// In the order of the groups; those of one as they were made.
	slices.SortStableFunc(b.checks, func(x, y check) int { return cmp.Compare(groupOf(x.code), groupOf(y.code)) })
	return &Result{facts: f, names: b.names, checks: b.checks}
}

// groupOf is where the group of a code stands among all.
func groupOf(code string) int {
	i := slices.IndexFunc(Codes, func(c Code) bool { return c.Code == code })
	if i < 0 {
		panic("doctor: there is no code " + code)
	}
	return slices.Index(groups, Codes[i].Group)
}

// Answer is the result for people and programs at the machine.
func (r *Result) Answer() *api.Doctor {
	out := &api.Doctor{Schema: api.Schema, Type: api.TypeDoctor, State: api.StateStopped, Version: r.facts.Version,
		Engine: r.facts.Engine, Root: r.facts.Root, Checks: []api.DoctorCheck{}}
	if r.facts.Daemon.Answers {
		out.State = api.StateRunning
	}
	for _, c := range r.checks {
		out.Checks = append(out.Checks, api.DoctorCheck{Code: c.code, Group: groups[groupOf(c.code)], Subject: c.subject.full,
			Status: c.status, Message: c.message.full, Fix: c.fix.full, Failed: c.failed})
	}
	out.Summary = r.summary()
	return out
}

func (r *Result) summary() (s api.DoctorSummary) {
	for _, c := range r.checks {
		switch c.status {
		case api.CheckOK:
			s.OK++
		case api.CheckWarn:
			s.Warn++
		case api.CheckFail:
			s.Fail++
		default:
			s.Skipped++
		}
	}
	return s
}
