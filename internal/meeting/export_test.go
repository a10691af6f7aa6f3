package meeting

// For tests from outside.
var SharePort = sharePort

func (l *LAN) Port() int { return int(l.port) }
