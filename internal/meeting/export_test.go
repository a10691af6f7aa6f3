package meeting

// For tests from outside.
var (
	SharePort = sharePort
	Prove     = prove
)

func (l *LAN) Port() int { return int(l.port) }
