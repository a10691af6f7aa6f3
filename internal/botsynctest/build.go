package botsynctest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// binEnv names a binary that was built already.
const binEnv = "BOTSYNC_BIN"

var build struct {
	once sync.Once
	path string
	dir  string // made here, and removed by Main
	err  error
}

// Main is the TestMain of a package that runs the binary: it removes what
// [Binary] built.
func Main(m *testing.M) {
	code := m.Run()
	if build.dir != "" {
		os.RemoveAll(build.dir)
	}
	os.Exit(code)
}

// Binary returns the path of the botsync binary under test: that of BOTSYNC_BIN,
// or one built for this process. The package's TestMain must be [Main].
func Binary(t testing.TB) string {
	t.Helper()
	build.once.Do(func() {
		if build.path = os.Getenv(binEnv); build.path == "" {
			build.err = compile()
		}
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.path
}

func compile() (err error) {
	if build.dir, err = os.MkdirTemp("", "botsync-test-"); err != nil {
		return err
	}
	// A test may run it as another user.
	if err := os.Chmod(build.dir, 0o755); err != nil {
		return err
	}
	build.path = filepath.Join(build.dir, "botsync")
	if runtime.GOOS == "windows" {
		build.path += ".exe"
	}
	cmd := exec.Command("go", "build", "-tags", "noassets", "-o", build.path, "github.com/botsync/botsync/cmd/botsync")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New("building botsync: " + err.Error() + "\n" + string(out))
	}
	return nil
}
