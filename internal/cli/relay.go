package cli

import (
	"context"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
)

// RelayOptions says how to run a relay. A limit of zero is the relay's own
// default.
type RelayOptions struct {
	Listen                string
	MaxMeetings           int
	MaxMeetingsPerAddress int
	MaxBytes              int64   // per meeting, both directions
	RequestRate           float64 // per second and address
	TrustedProxies        []netip.Prefix
	Log                   io.Writer
	Ready                 func(address string) // called once it listens
}

// listeningLine is what "relay --json" prints once it listens.
type listeningLine struct {
	Schema  int    `json:"schema"`
	Type    string `json:"type"` // listening
	Address string `json:"address"`
}

func (a *app) newRelayCommand() *cobra.Command {
	var opts RelayOptions
	var proxies []string
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Run a pairing relay, on which devices that share only a code can meet",
		Long: `Run a pairing relay until it is interrupted. It joins two devices for the length of
a pairing, when they cannot find each other on a local network. It sees neither
files nor codes nor identities, and logs no addresses.

A relay speaks plain HTTP. On the internet put it behind a reverse proxy that
speaks TLS, and name that with --trusted-proxy, so that the limits count clients
and not the proxy.`,
		Example: `  botsync relay
  botsync relay --listen 127.0.0.1:8080 --trusted-proxy 127.0.0.1`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if opts.TrustedProxies, err = parseProxies(proxies); err != nil {
				return err
			}
			return a.runRelay(cmd.Context(), opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.Listen, "listen", ":8080", "the `address` to listen on")
	f.IntVar(&opts.MaxMeetings, "max-meetings", 10_000, "how many devices may wait at once")
	f.IntVar(&opts.MaxMeetingsPerAddress, "max-meetings-per-address", 100, "how many of them may have one address")
	f.Int64Var(&opts.MaxBytes, "max-bytes", 2<<20, "how many `bytes` one meeting may carry")
	f.Float64Var(&opts.RequestRate, "request-rate", 10, "how many requests one address may make, per second")
	f.StringArrayVar(&proxies, "trusted-proxy", nil, "the `address` or network of a reverse proxy whose X-Forwarded-For is believed; repeatable")
	return cmd
}

func (a *app) runRelay(ctx context.Context, opts RelayOptions) error {
	for _, limit := range []struct {
		flag string
		ok   bool
	}{
		{"max-meetings", opts.MaxMeetings > 0},
		{"max-meetings-per-address", opts.MaxMeetingsPerAddress > 0},
		{"max-bytes", opts.MaxBytes > 0},
		{"request-rate", opts.RequestRate > 0},
	} {
		if !limit.ok {
			return usage("A relay cannot be run without limits: give a number above zero.", "--%s is not above zero", limit.flag)
		}
	}
	opts.Log = io.Discard
	if !a.quiet {
		opts.Log = a.err
	}
	opts.Ready = func(address string) {
		if a.json {
			_ = a.term.JSON(listeningLine{api.Schema, "listening", address})
			return
		}
		a.term.Done("The relay listens on %s.", address)
	}
	err := a.deps.RunRelay(ctx, opts)
	if ctx.Err() != nil {
		return nil // the normal end
	}
	return err
}

func parseProxies(list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil && !strings.Contains(s, "/") {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(s); err == nil {
				p = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return nil, usage("Give an address such as 10.0.0.1, or a network such as 10.0.0.0/8.", "--trusted-proxy %q is neither an address nor a network", s)
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, nil
}
