package doctor

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// text is something said twice: in full, and in a form that betrays nothing.
type text struct{ full, safe string }

// hidden stands for what nobody knows to be harmless.
const hidden = "[hidden]"

// sayf is fmt.Sprintf, twice. The format is harmless; of the arguments texts, numbers
// and times are, and everything else, strings above all, is hidden.
func sayf(format string, args ...any) text {
	full, safe := make([]any, len(args)), make([]any, len(args))
	for i, arg := range args {
		full[i], safe[i] = arg, arg
		switch arg := arg.(type) {
		case text:
			full[i], safe[i] = arg.full, arg.safe
		case int, int64, uint64, time.Duration, fs.FileMode:
		default:
			safe[i] = hidden
		}
	}
	return text{fmt.Sprintf(format, full...), fmt.Sprintf(format, safe...)}
}

// plain is for what is harmless: a constant of the program.
func plain(s string) text { return text{s, s} }

// oneOf is for a value that is harmless if it is one of a few.
func oneOf(s string, known ...string) text {
	if slices.Contains(known, s) {
		return plain(s)
	}
	return text{s, hidden}
}

var versionForm = regexp.MustCompile(`^v?[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(-(dev|rc|beta|alpha)(\.[0-9]{1,3})?|-(rc\.[0-9]{1,3}\.)?(0\.)?[0-9]{14}-[0-9a-f]{12})?(\+dirty)?$`)

// version is that of a program. A peer can say anything.
func version(s string) text {
	if versionForm.MatchString(s) {
		return plain(s)
	}
	return text{s, hidden}
}

// at is a moment: in the time of this place for whoever is there, which a report
// does not betray.
func at(t time.Time) text {
	return text{t.Local().Format(time.DateTime), t.UTC().Format(time.DateTime) + " UTC"}
}

// join lists texts.
func join(texts []text) text {
	var full, safe []string
	for _, t := range texts {
		full, safe = append(full, t.full), append(safe, t.safe)
	}
	return text{strings.Join(full, ", "), strings.Join(safe, ", ")}
}

// count is a number and what it counts.
func count(n int, one, many string) text {
	if n == 1 {
		return plain("1 " + one)
	}
	return plain(fmt.Sprintf("%d %s", n, many))
}

// size is a number of bytes.
func size(n uint64) text {
	const unit = 1024
	if n < unit {
		return plain(fmt.Sprintf("%d B", n))
	}
	value, i := float64(n)/unit, 0
	for ; value >= unit && i < 5; i++ {
		value /= unit
	}
	return plain(fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[i]))
}

// span is a duration for a person.
func span(d time.Duration) text {
	switch {
	case d < time.Minute:
		return plain(fmt.Sprintf("%.1f s", d.Seconds()))
	case d < time.Hour:
		return plain(fmt.Sprintf("%d min", int(d.Minutes())))
	case d < 48*time.Hour:
		return plain(fmt.Sprintf("%.0f h", d.Hours()))
	}
	return plain(fmt.Sprintf("%.0f days", d.Hours()/24))
}

// known are the parts of paths that every root has.
var known = []string{"shared", "deliverables", "inbox", ".botsync", "config.toml", "identity", "cert.pem", "key.pem", "engine",
	"network", "versions", "state.db", "logs", "daemon.sock", "daemon.lock", "notify.json", "membership.json", "members.json", "clock.json", ".stfolder"}

// pathIn is a path, of which a report has the parts below the root that every root has.
func pathIn(root, path string) text {
	rel, err := filepath.Rel(root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return text{path, "[path]"}
	}
	safe := "ROOT"
	if rel != "." {
		for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
			if !slices.Contains(known, part) {
				safe += "/[path]"
				break
			}
			safe += "/" + part
		}
	}
	return text{path, safe}
}

// quoted is a path as an argument for a shell.
func quoted(path text) text {
	if strings.ContainsFunc(path.full, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r))
	}) {
		path.full = "'" + strings.ReplaceAll(path.full, "'", `'\''`) + "'"
	}
	return path
}

// schemes are those of URLs that may be named.
var schemes = []string{"tcp", "tcp4", "tcp6", "quic", "quic4", "quic6", "relay", "http", "https", "dynamic+http", "dynamic+https"}

// address is a URL, or a host and port. Its full form has no password; a report has
// the scheme and what kind of address it is.
func address(s string) text {
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		safe := hidden
		if slices.Contains(schemes, u.Scheme) {
			safe = u.Scheme + "://" + hostKind(u.Hostname())
		}
		return text{withoutSecrets(u), safe}
	}
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		host = s
	}
	return text{s, hostKind(host)}
}

func withoutSecrets(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// hostKind says of a host what may be known of it: family and scope.
func hostKind(host string) string {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "[host name]"
	}
	ip = ip.Unmap()
	family := "IPv4"
	if ip.Is6() {
		family = "IPv6"
	}
	switch {
	case ip.IsUnspecified():
		return "[any " + family + "]"
	case ip.IsLoopback():
		return "[loopback " + family + "]"
	case ip.IsLinkLocalUnicast():
		return "[link-local " + family + "]"
	case ip.IsPrivate():
		return "[private " + family + "]"
	}
	return "[public " + family + "]"
}

// causes are what errors say that may be repeated: phrases of systems, libraries
// and botsync that name nothing.
var causes = []string{
	"permission denied", "operation not permitted", "no such file or directory", "file exists", "is a directory", "not a directory",
	"no space left on device", "disk quota exceeded", "insufficient space", "read-only file system", "input/output error",
	"too many open files", "address already in use", "connection refused", "connection reset", "broken pipe", "i/o timeout",
	"deadline exceeded", "timed out", "no route to host", "network is unreachable", "no such host", "unexpected EOF",
	"did not answer in time", "does not answer", "cannot be reached", "does not speak TLS", "certificate that cannot be trusted",
	"certificate", "not a database", "database disk image is malformed", "database is locked", "made by a newer botsync",
	"folder marker missing", "folder path missing", "unexpected device", "does not match", "private key does not match public key",
	"is damaged", "certificate and key are missing", "there is no host", "there is no setting", "is this really a botsync relay",
	"has a problem", "is busy", "no network interface is up", "invalid filename", "name too long", "no matching", "bad gateway",
	"400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "413 Request Entity Too Large", "429 Too Many Requests",
	"500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout", "exit status", "sharing violation",
	"unknown device", "device is paused", "device is ignored", "connection limit reached", "the time ran out", "it is no socket", "another program", "no relay", "dial:", "device announcement",
}

// cause is what an error says.
func cause(err error) text {
	if err == nil {
		return plain("no error")
	}
	return causeOf(err.Error())
}

func causeOf(full string) text {
	var found []string
	for _, phrase := range causes {
		if strings.Contains(strings.ToLower(full), strings.ToLower(phrase)) &&
			!slices.ContainsFunc(found, func(other string) bool { return strings.Contains(other, phrase) }) {
			found = append(found, phrase)
		}
	}
	if len(found) == 0 {
		return text{full, "[another error]"}
	}
	return text{full, strings.Join(found, ", ")}
}
