package engine

import (
	"encoding/xml"
	"net"
	"net/url"
	"os"
	"strconv"
)

const (
	// defaultPort is the port that the first root of a machine gets, so that a
	// firewall can be told of it.
	defaultPort = 22010
	// stockPort is Syncthing's. It is never taken: Syncthing shares its TCP port
	// with whoever allows that, since it dials from it, and so does the engine. A
	// stock Syncthing that starts later would not notice, and get half of the
	// connections, while its QUIC listener fails.
	stockPort = 22000
	// announcePort is where IPv4 broadcasts tell of this device, UDP. Only one
	// program can listen to them at a port, which is why it is not Syncthing's 21027.
	// Roots that share a machine, and stock Syncthings, find each other by IPv6
	// multicast, to which any number can listen.
	announcePort = 21129
)

// keptPort returns the port that the configuration in file listens on, or 0 if
// there is none: everything else in that file is made anew from Settings.
func keptPort(file string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var kept struct {
		Options struct {
			Listen []string `xml:"listenAddress"`
		} `xml:"options"`
	}
	if xml.Unmarshal(data, &kept) != nil {
		return 0
	}
	for _, a := range kept.Options.Listen {
		u, err := url.Parse(a)
		if err != nil || u.Scheme != "tcp" {
			continue
		}
		if port, err := strconv.Atoi(u.Port()); err == nil && port > 0 && port < 1<<16 {
			return port
		}
	}
	return 0
}

// choosePort returns kept if it is free, else the default if that is free, else
// any free one, but never that of stock Syncthings.
func choosePort(kept int) int {
	for _, port := range []int{kept, defaultPort} {
		if port != 0 && port != stockPort && free(port) {
			return port
		}
	}
	return anyPort()
}

// anyPort returns a port that was free for TCP and UDP a moment ago.
func anyPort() int {
	for range 20 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return 0
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port != stockPort && free(port) {
			return port
		}
	}
	return 0
}

func free(port int) bool {
	addr := net.JoinHostPort("", strconv.Itoa(port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer l.Close()
	p, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	p.Close()
	return true
}
