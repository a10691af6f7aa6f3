package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// work makes some rows.
type work struct {
	name string
	run  func(context.Context, *bench) error
}

func works() []work {
	return []work{
		{"floor", floors},
		{"pair", pair},
		{"idle", idle},
		{"file", oneFile},
		{"roundtrip", roundTrip},
		{"small", smallFiles},
		{"large", largeFile},
		{"growing", growingFile},
		{"busy", busy},
		{"tree", largeTree},
		{"wake", wake},
		{"wait", waiting},
		{"mcp", mcpServer},
		{"network", manyDevices},
	}
}

func workNames() string {
	var names []string
	for _, w := range works() {
		names = append(names, w.name)
	}
	return strings.Join(names, ", ")
}

// bench is a run.
type bench struct {
	options
	dir    string // for everything that the run makes
	report report
	work   string // that is running
	nodes  int    // made so far
	begin  time.Time
}

// wants says whether a tool is to be measured; no tools means all.
func (b *bench) wants(tool string, tools []string) bool {
	return (tools == nil || slices.Contains(tools, tool)) && b.tools.MatchString(tool)
}

func measure(ctx context.Context, o options) (r *report, err error) {
	b := &bench{options: o, begin: time.Now()}
	if b.dir, err = os.MkdirTemp(o.dir, "bs-bench-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.binary == "" {
		if b.binary, err = b.build(ctx); err != nil {
			return nil, err
		}
	}
	var failed error
	b.report.Machine = thisMachine(ctx, b.dir)
	for _, w := range works() {
		if !o.only.MatchString(w.name) {
			continue
		}
		b.work = w.name
		b.say("%s", w.name)
		if err := w.run(ctx, b); err != nil {
			// What was measured until now is still worth knowing.
			failed = fmt.Errorf("measuring %s: %w", w.name, err)
			if ctx.Err() != nil {
				failed = errors.New("interrupted")
			}
			break
		}
	}
	b.report.Machine.LoadEnd, b.report.Machine.Took = load(), time.Since(b.begin).Round(time.Second).String()
	b.report.finish()
	return &b.report, failed
}

// build makes the binary as a release does.
func (b *bench) build(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "botsync")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "noassets", "-o", path, "github.com/botsync/botsync/cmd/botsync")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building botsync: %w\n%s", err, out)
	}
	return path, nil
}

// say tells a person on standard error what is going on.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: %4.0f s  %s\n", time.Since(b.begin).Seconds(), fmt.Sprintf(format, args...))
}

// newNode returns a root that does not exist yet.
func (b *bench) newNode(name string) *node {
	b.nodes++
	return &node{binary: b.binary, name: name, dir: filepath.Join(b.dir, fmt.Sprintf("%s%d", name, b.nodes))}
}

// row returns the row of that name and tool, to be made with the first sample.
func (b *bench) row(name, tool, unit string) *row {
	for _, r := range b.report.Rows {
		if r.Name == name && r.Tool == tool {
			return r
		}
	}
	r := &row{Work: b.work, Name: name, Tool: tool, Unit: unit}
	b.report.Rows = append(b.report.Rows, r)
	return r
}

// against has the row compared with the median of another.
func (r *row) against(name, tool string) *row {
	r.Against = &ref{name, tool}
	return r
}

func (r *row) add(v float64)        { r.Samples = append(r.Samples, v) }
func (r *row) took(d time.Duration) { r.add(float64(d) / float64(time.Millisecond)) }

// used notes what a meter has measured for one repetition.
func (r *row) used(cpu, peak float64) {
	r.cpus, r.peaks = append(r.cpus, cpu), append(r.peaks, peak)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
