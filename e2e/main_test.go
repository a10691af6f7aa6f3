package e2e

import (
	"flag"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of these tests wait for something most of the time, so that more of
	// them than processors can run at once.
	unlessGiven("test.parallel", "6")
	// Each check is a round between two daemons, which takes seconds.
	unlessGiven("rapid.checks", "6")
	botsynctest.MainAlone(m)
}

func unlessGiven(name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if !given {
		_ = flag.Set(name, value)
	}
}
