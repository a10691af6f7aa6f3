package relayurl_test

import (
	"strings"
	"testing"

	"github.com/botsync/botsync/internal/meeting/relayurl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://relay.example.org":          "https://relay.example.org",
		"https://Relay.Example.org/":         "https://relay.example.org",
		" https://relay.example.org/a/b/ \n": "https://relay.example.org/a/b",
		"wss://relay.example.org:8443":       "https://relay.example.org:8443",
		"ws://10.0.0.1:8080":                 "http://10.0.0.1:8080",
		"relay.example.org":                  "https://relay.example.org",
		"relay.example.org:8080":             "https://relay.example.org:8080",
		"10.0.0.1:8080":                      "http://10.0.0.1:8080",
		"localhost:8080":                     "http://localhost:8080",
		"[::1]:8080":                         "http://[::1]:8080",
		"":                                   "it is empty",
		"ftp://x":                            "scheme is ftp",
		"https://":                           "names no host",
		"https://:80":                        "names no host",
		"https://user:pw@x":                  "user name",
		"https://x/?a=b":                     "query",
		"https://x/#f":                       "query",
		"https://x:99999":                    "no port 99999",
		"https://x:":                         "port is missing",
		"https://x/%2f/a":                    "its path",
		"https://x/a b":                      "its path",
		"https://x//a/../b":                  "https://x/b",
		"https://x:y":                        "invalid port",
		"http://a b":                         "invalid character",
		strings.Repeat("x", 2000):            "longer than",
	} {
		u, err := relayurl.Parse(in)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = u.String()
		}
		if strings.Contains(got, "pw") {
			t.Errorf("the password is shown: %s", got)
		}
		if err == nil && got != want || err != nil && !strings.Contains(got, want) {
			t.Errorf("Parse(%q): %s, want %s", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://relay.example.org/x/", "localhost:80", "[fe80::1%25lo]:1", "wss://a/%2f/..", "http://%41/", "00/%2f", "0//!"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := relayurl.Parse(s)
		if err != nil {
			return
		}
		if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q was read as %#v", s, u)
		}
		// What is shown in the command for the guest leads to the same relay.
		again, err := relayurl.Parse(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q was read as %q, and that as %v, %v", s, u, again, err)
		}
	})
}
