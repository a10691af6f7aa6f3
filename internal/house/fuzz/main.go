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
	targets, err := find(".")
	if err == nil && len(targets) == 0 {
		err = errors.New("finding fuzz targets: there are none")
	}
	total := 0
	for _, t := range targets {
		runs, failed := t.run(*each)
		total += runs
		err = errors.Join(err, failed)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d targets, %d inputs\n", len(targets), total)
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

// run fuzzes the target and returns how many inputs it was given.
func (t target) run(d time.Duration) (int, error) {
	cmd := exec.Command("go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+d.String(), "./"+filepath.ToSlash(t.dir))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
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
	if err := cmd.Wait(); err != nil {
		return runs, fmt.Errorf("%s%s in %s: %w", text.String(), t.name, t.dir, err)
	}
	if runs == 0 {
		return 0, fmt.Errorf("%s%s in %s was given no input", text.String(), t.name, t.dir)
	}
	fmt.Printf("%s %s: %d inputs in %s\n", t.dir, t.name, runs, d)
	return runs, nil
}
