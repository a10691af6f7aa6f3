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
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		_ = flag.Set("test.parallel", "6")
	}
	botsynctest.MainAlone(m)
}
