// Command fuzz runs every fuzz target of the module for a while, one after the
// other. It fails if one of them finds something, or if one or all have not
// run at all.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", 5*time.Second, "how long to run each target")
	flag.Parse()
	if err := run(*each); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(each time.Duration) error {
	targets, err := find(".")
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("finding fuzz targets: there are none")
	}
	bin, err := os.MkdirTemp("", "fuzz-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	total := 0
	for _, t := range targets {
		runs, failed := t.run(bin, each)
		total += runs
		err = errors.Join(err, failed)
	}
	if err == nil {
		fmt.Printf("%d targets, %d inputs\n", len(targets), total)
	}
	return err
}

// target is one fuzz target.
type target struct {
	dir, name string
}

var declaration = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(\w+ \*testing\.F\)`)

// find returns the targets in the tree below dir.
func find(dir string) ([]target, error) {
	var targets []target
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declaration.FindAllSubmatch(text, -1) {
			targets = append(targets, target{filepath.Dir(path), string(m[1])})
		}
		return err
	})
	return targets, err
}

var progress = regexp.MustCompile(`^fuzz: elapsed: .*execs: (\d+)`)

// build makes the test program of the target's package in the directory bin, once
// for all targets of it: "go test -fuzz" would link it for each.
func (t target) build(bin string) (string, error) {
	program := filepath.Join(bin, strings.ReplaceAll(filepath.ToSlash(t.dir), "/", "-")+".test")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	out, err := exec.Command("go", "test", "-c", "-fuzz=.", "-o", program, "./"+filepath.ToSlash(t.dir)).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the tests of %s: %w\n%s", t.dir, err, out)
	}
	return program, nil
}

// run fuzzes the target and returns how many inputs it was given.
func (t target) run(bin string, d time.Duration) (int, error) {
	program, err := t.build(bin)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(program, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+d.String(),
		"-test.fuzzcachedir="+filepath.Join(bin, "cache"))
	cmd.Dir = t.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = cmd.Stdout // where progress is reported
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	runs, text := 0, strings.Builder{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20) // a failing input is printed whole
	for lines.Scan() {
		fmt.Fprintln(&text, lines.Text())
		if m := progress.FindStringSubmatch(lines.Text()); m != nil {
			runs, _ = strconv.Atoi(m[1])
		}
	}
	if err := cmd.Wait(); err != nil && !endedLate(text.String()) {
		return runs, fmt.Errorf("%s%s in %s: %w", text.String(), t.name, t.dir, err)
	}
	if runs == 0 {
		return 0, fmt.Errorf("%s%s in %s was given no input", text.String(), t.name, t.dir)
	}
	fmt.Printf("%s %s: %d inputs in %s\n", t.dir, t.name, runs, d)
	return runs, nil
}

// What Go prints when the time is up while a worker is busy, and no input has failed:
// https://go.dev/issue/75804, mended in Go 1.27.
var late = regexp.MustCompile(`(?m)^--- FAIL: Fuzz\w+ \([\d.]+s\)\n    context deadline exceeded\nFAIL$`)

// endedLate reports whether a target failed for nothing else than that its time was
// up. A finding is told with more lines, and a file that holds it.
func endedLate(text string) bool {
	return late.MatchString(text) && strings.Count(text, "\n    ") == 1 && !strings.Contains(text, "Failing input written")
}
