package botsynctest

import (
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Doctor is what "doctor --json" says, with further arguments; the exit code does not
// matter.
func (n *Node) Doctor(args ...string) api.Doctor {
	n.TB.Helper()
	var d api.Doctor
	n.decode(n.Run(append([]string{"doctor", "--json"}, args...)...).Stdout, &d)
	return d
}

// AwaitCheck waits until doctor has a check of that code and subject with that
// outcome, whose message and fix contain what is said here. Every one that failed or
// warns has a fix, and no other.
func (n *Node) AwaitCheck(code, subject, status, message, fix string) api.DoctorCheck {
	n.TB.Helper()
	var seen []api.DoctorCheck
	found := api.DoctorCheck{}
	done := false
	defer func() {
		if !done {
			n.TB.Logf("doctor of %s has the checks %+v", n.Name, seen)
		}
	}()
	Await(n.TB, n.Name+": doctor says "+code+" "+subject+" "+status, func() bool {
		seen = nil
		for _, c := range n.Doctor().Checks {
			if c.Code != code || c.Subject != subject {
				continue
			}
			seen = append(seen, c)
			wanted := c.Status == api.CheckFail || c.Status == api.CheckWarn
			if c.Status == status && strings.Contains(c.Message, message) && strings.Contains(c.Fix, fix) && wanted == (c.Fix != "") {
				found = c
				return true
			}
		}
		time.Sleep(statusPoll)
		return false
	})
	done = true
	return found
}
