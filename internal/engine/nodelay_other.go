//go:build !unix

package engine

import "net"

// noDelay does nothing: here no connection can be found that Syncthing keeps to
// itself.
func noDelay(net.Addr) {}
