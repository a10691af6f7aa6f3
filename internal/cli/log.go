package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

type logOptions struct {
	since string
	by    string
	path  string
	limit int
}

func (a *app) newLogCommand() *cobra.Command {
	var opts logOptions
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show who made, changed or deleted which file, and when",
		Long: `Show what happened to files, the latest last: the latest 100 changes, or all since a
time or a cursor. A change is dated when this device learnt of it, and is kept for
30 days. A root whose daemon is not running answers too.

--since takes a time that has passed (90m, 12h, 2d), a date, a time of RFC 3339, or
a cursor: the id of an event.`,
		Example: `  botsync log
  botsync log --since 2h --by laptop
  botsync log --path deliverables/report.md --json
  botsync log --since 2026-11-22 --path shared`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.limit < 0 {
				return usage("Give a number from 0.", "--limit %d is below zero", opts.limit)
			}
			if opts.limit == 0 && cmd.Flags().Changed("limit") {
				opts.limit = -1
			}
			return a.runLog(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.since, "since", "", "only what happened since this `time` or cursor")
	f.StringVar(&opts.by, "by", "", "only what this `device` did: its name or the beginning of its ID")
	f.StringVar(&opts.path, "path", "", "only this `file`, or all in this directory")
	f.IntVar(&opts.limit, "limit", 0, "the latest so many; 0 for all; default 100, with --since all")
	return cmd
}

func (a *app) runLog(ctx context.Context, opts logOptions) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	req := api.LogRequest{By: opts.by, Limit: opts.limit}
	if opts.since != "" {
		if req.Since, req.After, err = parseSince(opts.since, time.Now()); err != nil {
			return err
		}
		if req.Limit == 0 {
			req.Limit = -1
		}
	}
	if opts.path != "" {
		if req.Path, err = inRoot(r, opts.path); err != nil {
			return err
		}
	}
	events, err := a.logOf(ctx, r, req)
	if err == nil {
		err = a.showEvents(events)
	}
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// logOf asks the daemon, or the disk if there is none.
func (a *app) logOf(ctx context.Context, r *root.Root, req api.LogRequest) ([]api.Event, error) {
	c, err := a.dial(ctx, r)
	if err == nil {
		defer c.Close()
		return c.Log(ctx, req)
	}
	if held, lockErr := r.Held(); lockErr != nil || held || !hasCode(err, api.CodeNotRunning) {
		return nil, err
	}
	events, err := a.deps.OfflineLog(ctx, r.Dir(), req)
	if err == nil {
		a.term.Warn("the daemon is not running: what happened since it stopped is not known yet.")
	}
	return events, err
}

// parseSince reads what --since takes.
func parseSince(s string, now time.Time) (time.Time, int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return time.Time{}, n, nil
	}
	ago := s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			ago = strconv.Itoa(24*n) + "h"
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d), 0, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, 0, nil
		}
	}
	return time.Time{}, 0, usage("Give a time such as 2h or 3d, a date, a time of RFC 3339, or the id of an event.",
		"--since %q is neither a time nor a cursor", s)
}
