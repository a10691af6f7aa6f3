//go:build !linux

package daemon

import "time"

// seesSleep says that uptime goes on while the machine sleeps.
const seesSleep = false

var begin = time.Now()

// uptime goes on with time, whatever anybody sets. What it counts from does not
// matter.
func uptime() time.Duration { return time.Since(begin) }
