package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

type options struct {
	n      int
	quick  bool
	json   bool
	strict bool
	only   *regexp.Regexp
	tools  *regexp.Regexp
	dir    string
	binary string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// run returns the exit code: 0, 1 when something failed or, with -strict, when a
// limit is broken, 2 for wrong usage.
func run(ctx context.Context) int {
	o, err := parse(os.Args[1:])
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	report, err := measure(ctx, o)
	if report != nil {
		print := report.text
		if o.json {
			print = report.json
		}
		err = errors.Join(err, print(os.Stdout))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	if broken := report.broken(); o.strict && broken > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d limit(s) broken\n", broken)
		return 1
	}
	return 0
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "run only the works whose name matches this `regexp`: "+workNames())
	tools := flags.String("tools", "", "compare only the tools whose name matches this `regexp`")
	flags.IntVar(&o.n, "n", 0, "repetitions of each work (default 10, with -quick 2; changes of one file have ten times as many, with slow tools fewer)")
	flags.BoolVar(&o.quick, "quick", false, "fewer repetitions, shorter idle times, smaller files, and slow tools for less")
	flags.BoolVar(&o.json, "json", false, "print JSON, with every sample")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 if a limit is broken")
	flags.StringVar(&o.dir, "dir", "", "the `directory` for the roots; its disk is what is measured (default: the system's temporary directory)")
	flags.StringVar(&o.binary, "bin", os.Getenv("BOTSYNC_BIN"), "the botsync `binary` to measure (env BOTSYNC_BIN; default: built from this module)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		return o, err
	}
	if o.tools, err = regexp.Compile(*tools); err != nil {
		fmt.Fprintln(os.Stderr, "bench: -tools:", err)
		return o, err
	}
	if flags.NArg() > 0 || o.n < 0 {
		err := fmt.Errorf("wrong usage: %q", args)
		fmt.Fprintln(os.Stderr, "bench:", err)
		return o, err
	}
	if o.n == 0 {
		o.n = 10
		if o.quick {
			o.n = 2
		}
	}
	return o, nil
}
