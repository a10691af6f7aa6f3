package meeting

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// GlobalPort is the TCP port of a host of the global way if it is free, or else any, so that a firewall can be told to
// let it in.
const GlobalPort = 21129

// maxGlobalServers bounds the discovery servers, and the relays and pools, that are used at once.
const maxGlobalServers = 8

// Words that stand in lists of servers for URLs.
const (
	serversDefault = "default" // Syncthing's public ones
	serversNone    = "none"    // as the only element: no servers at all
)

// A GlobalConfig says which servers the global way uses. The zero value is for Syncthing's public ones.
type GlobalConfig struct {
	// DiscoveryServers are URLs of discovery servers as in Syncthing's configuration, with the options id, insecure,
	// noannounce and nolookup; "default" among them stands for Syncthing's public ones, and "none" alone for none.
	// Empty means default.
	DiscoveryServers []string
	// Relays are URLs of Syncthing relays (relay://…) or pools of them (dynamic+https://…), and the same words.
	Relays []string
	// UserAgent is how botsync identifies itself to discovery servers and pools: "botsync/1.2.3".
	UserAgent string
	// Port is the TCP port to listen on if it is free; 0 stands for GlobalPort, -1 for any.
	Port int
	// Interfaces returns the interfaces whose addresses are announced, of which those that are down are left out; nil
	// stands for net.Interfaces.
	Interfaces func() ([]net.Interface, error)
}

// Global is the way through Syncthing's infrastructure: the host is announced to discovery servers under an identity that
// is derived from the code, and is reached directly or through a relay of Syncthing.
//
// A Global remembers when a server wants to be left alone. It should therefore live as long as the process.
type Global struct {
	cfg     GlobalConfig
	servers []*discoveryServer
	relays  []*syncRelaySource
	problem error // why the way cannot be used
	public  bool  // all the servers are Syncthing's

	mu       sync.Mutex
	failures int // of Hosts in a row, before they were announced anywhere
}

// NewGlobal returns the global way. A malformed URL makes a way that cannot be used and says why.
func NewGlobal(cfg GlobalConfig) *Global {
	if cfg.UserAgent == "" {
		cfg.UserAgent = "botsync"
	}
	if cfg.Interfaces == nil {
		cfg.Interfaces = net.Interfaces
	}
	g := &Global{cfg: cfg}
	g.problem = joinProblems(g.addServers(), g.addRelays())
	switch {
	case g.problem != nil:
	case len(g.servers) == 0:
		g.problem = errors.New("no discovery server is configured")
	case len(g.servers) > maxGlobalServers || len(g.relays) > maxGlobalServers:
		g.problem = fmt.Errorf("more than %d discovery servers or relays are configured", maxGlobalServers)
	}
	return g
}

// expand returns the URLs that a list of servers stands for, each once.
func expand(list, public []string) (urls []string, allPublic bool) {
	if len(list) == 0 {
		list = []string{serversDefault}
	}
	if len(list) == 1 && list[0] == serversNone {
		return nil, false
	}
	allPublic = true
	for _, s := range list {
		if s == serversDefault {
			urls = append(urls, public...)
			continue
		}
		allPublic = false
		urls = append(urls, s)
	}
	slices.Sort(urls)
	return slices.Compact(urls), allPublic
}

func (g *Global) addServers() error {
	var urls []string
	urls, g.public = expand(g.cfg.DiscoveryServers, publicDiscoveryServers())
	var errs []error
	for _, raw := range urls {
		s, err := newDiscoveryServer(raw, g.cfg.UserAgent)
		if err != nil {
			errs = append(errs, fmt.Errorf("discovery server %q: %w", clean(raw), err))
			continue
		}
		g.servers = append(g.servers, s)
	}
	return joinProblems(errs...)
}

func (g *Global) addRelays() error {
	urls, _ := expand(g.cfg.Relays, []string{publicSyncRelays})
	var errs []error
	for _, raw := range urls {
		r, err := newSyncRelaySource(raw, g.cfg.UserAgent)
		if err != nil {
			errs = append(errs, fmt.Errorf("relay of Syncthing %q: %w", clean(raw), err))
			continue
		}
		g.relays = append(g.relays, r)
	}
	return joinProblems(errs...)
}

// Name is "global".
func (*Global) Name() string { return "global" }

// Target is "Syncthing's servers" for the public ones, or else the names of the discovery servers.
func (g *Global) Target() string {
	if g.public {
		return "Syncthing's servers"
	}
	var names []string
	for _, s := range g.servers {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ", ")
}

// Problem is why the way can never be used as it is configured, or nil.
func (g *Global) Problem() error { return g.problem }

// failed counts a Host that was announced nowhere, and returns how long to wait before the next.
func (g *Global) failed() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures++
	return min(2*time.Second<<min(g.failures-1, 4), 20*time.Second)
}

func (g *Global) succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures = 0
}

// isLoopbackURL reports whether a URL leads to this machine, by its text alone.
func isLoopbackURL(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	addr, ok := parseIP(host)
	return host == "localhost" || ok && addr.IsLoopback()
}
