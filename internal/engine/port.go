package engine

import (
	"encoding/xml"
	"net"
	"net/url"
	"os"
	"strconv"
)

// defaultPort is Syncthing's, so that a firewall that knows it lets botsync
// through as well.
const defaultPort = 22000

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

// choosePort returns kept if it is free, else Syncthing's default if that is
// free, else any free one.
func choosePort(kept int) int {
	for _, port := range []int{kept, defaultPort} {
		if port != 0 && free(port) {
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
		if free(port) {
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
