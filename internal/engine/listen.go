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
)

// awaitListener waits until the TCP listener is up. Between the look for a free
// port and its use another process may have taken it: then another port is
// tried, and kept.
func (e *Engine) awaitListener(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for tries := 1; ; {
		up, err := e.listening()
		if up {
			return nil
		}
		if err != nil && tries < listenTries {
			tries++
			if err := e.moveTo(anyPort()); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-e.done:
			return errors.Join(errors.New("starting engine: stopped at once"), e.err)
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			return fmt.Errorf("listening on port %d: %w", e.port, err)
		}
	}
}

// listening reports whether the TCP listener is up, or why it is not; neither,
// while it is still starting.
func (e *Engine) listening() (bool, error) {
	status, ok := e.conns.ListenerStatus()[tcpListener(e.port)]
	switch {
	case !ok:
		return false, nil
	case len(status.LANAddresses) > 0 || len(status.WANAddresses) > 0:
		return true, nil
	case status.Error != nil:
		return false, errors.New(*status.Error)
	}
	return false, nil
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

func tcpListener(port int) string { return "tcp://0.0.0.0:" + strconv.Itoa(port) }

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
