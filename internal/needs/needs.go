// Package needs says what a test needs of the machine that it runs on, such as
// a tool or the rights of root.
//
// Where it is missing the test is skipped, and says so. With BOTSYNC_TEST_ALL=1,
// which .ci/run sets, it fails instead: there nothing may be left out.
package needs

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// AllEnv is the environment variable that turns skips into failures.
const AllEnv = "BOTSYNC_TEST_ALL"

// Skip ends a test that cannot run here, and says why.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(AllEnv) == "1" {
		t.Fatalf("not skipped, because of "+AllEnv+"=1: "+format, args...)
	} else {
		t.Skipf(format, args...)
	}
}

// Root needs the rights of root, for namespaces and mounts.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "this test needs root")
	}
}

// Linux needs Linux.
func Linux(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		Skip(t, "this test needs Linux")
	}
}

// Tool needs a program in PATH, and returns where it is.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, "this test needs the program %s: %v", name, err)
	}
	return path
}
