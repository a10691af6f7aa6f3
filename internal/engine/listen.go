package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/events"
)

// awaitListeners waits until TCP and QUIC are both listened for, as told by up.
//
// Between the look for a free port and its use another process may have taken
// it. For TCP the system lets both have it, since Syncthing shares its port with
// its own outgoing connections, and each would get some of the other's
// connections. Only QUIC fails then: so the two have to be up together, or
// another port is tried, and kept.
func (e *Engine) awaitListeners(ctx context.Context, up events.Subscription) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	listening := map[string]bool{}
	for tries := 1; ; {
		select {
		case ev := <-up.C():
			if data, ok := ev.Data.(map[string]any); ok {
				if address, ok := data["address"].(*url.URL); ok {
					listening[address.String()] = true
				}
			}
		case <-tick.C:
		case <-e.done:
			return errors.Join(errors.New("starting engine: stopped at once"), e.err)
		case <-ctx.Done():
			return fmt.Errorf("listening on port %d: %w", e.port, ctx.Err())
		}
		failed := e.listenFailure()
		switch {
		case failed == nil && listening[listener("tcp", e.port)] && listening[listener("quic", e.port)]:
			return nil
		case failed != nil && tries == listenTries:
			return fmt.Errorf("listening on port %d: %w", e.port, failed)
		case failed != nil:
			tries++
			if err := e.moveTo(anyPort()); err != nil {
				return err
			}
		}
	}
}

// listenFailure returns why one of the two listeners is down, nil if none is or
// they are still starting.
func (e *Engine) listenFailure() error {
	status := e.conns.ListenerStatus()
	for _, scheme := range []string{"tcp", "quic"} {
		if s, ok := status[listener(scheme, e.port)]; ok && s.Error != nil {
			return errors.New(*s.Error)
		}
	}
	return nil
}

func (e *Engine) moveTo(port int) error {
	old := strconv.Itoa(e.port)
	waiter, err := e.cfg.Modify(func(cfg *config.Configuration) {
		for i, a := range cfg.Options.RawListenAddresses {
			if strings.HasSuffix(a, "0.0.0.0:"+old) {
				cfg.Options.RawListenAddresses[i] = strings.TrimSuffix(a, old) + strconv.Itoa(port)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("configuring engine: %w", err)
	}
	waiter.Wait()
	e.port = port
	return e.cfg.Save()
}

// wakeListener lets Syncthing's TCP listener see that the engine stops. It waits
// for connections for a second at a time and only looks in between, so that
// stopping would take half a second on average; a connection wakes it at once.
func (e *Engine) wakeListener() {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.port)), wakeTimeout)
	if err == nil {
		conn.Close()
	}
}

// wakeTimeout bounds wakeListener where loopback drops packets.
const wakeTimeout = 100 * time.Millisecond

func listener(scheme string, port int) string { return scheme + "://0.0.0.0:" + strconv.Itoa(port) }

// ListenErrors returns, for each listener that is down, why.
func (e *Engine) ListenErrors() map[string]string {
	down := map[string]string{}
	for address, status := range e.conns.ListenerStatus() {
		if status.Error != nil {
			down[address] = *status.Error
		}
	}
	return down
}

// Addresses returns the URLs under which this device may be reached, best
// first: those of its interfaces, loopback last, and those that routers and
// relays gave it.
func (e *Engine) Addresses() []string {
	var hosts []netip.Addr
	interfaces, err := net.InterfaceAddrs()
	if err == nil {
		for _, a := range interfaces {
			ipNet, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			ip, ok := netip.AddrFromSlice(ipNet.IP)
			if !ok || ip.IsLinkLocalUnicast() {
				continue
			}
			hosts = append(hosts, ip.Unmap())
		}
	}
	slices.SortStableFunc(hosts, func(a, b netip.Addr) int { return rank(a) - rank(b) })

	var urls []string
	add := func(u string) {
		if !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	for _, scheme := range []string{"tcp", "quic"} {
		for _, host := range hosts {
			add(scheme + "://" + netip.AddrPortFrom(host, uint16(e.port)).String())
		}
	}
	for _, a := range e.conns.AllAddresses() {
		if u, err := url.Parse(a); err == nil && u.Hostname() != "" && u.Hostname() != "0.0.0.0" && u.Hostname() != "::" {
			add(a)
		}
	}
	return urls
}

// isOwn reports whether this device listens at an address.
func (e *Engine) isOwn(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Port() != strconv.Itoa(e.port) {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return false
	}
	interfaces, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(interfaces, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip.Unmap().WithZone("").AsSlice())
	})
}

// rank orders addresses by how likely they are the shortest way.
func rank(ip netip.Addr) int {
	switch {
	case ip.IsLoopback():
		return 3
	case ip.Is4():
		return 0
	case ip.IsPrivate():
		return 1
	}
	return 2
}
