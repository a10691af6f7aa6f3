package meeting_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

var manyAddresses = prefixes("127.0.0.1/8", "10.0.0.1/8", "169.254.3.4/16", "203.0.113.5/24", "fe80::1/64", "2001:db8::7/64", "fd00::1/64", "::1/128")

func TestWhatAHostAnnounces(t *testing.T) {
	t.Parallel()
	want := []string{"tcp://:4000", "tcp://203.0.113.5:4000", "tcp://[2001:db8::7]:4000", "tcp://10.0.0.1:4000", "tcp://[fd00::1]:4000"}
	if got := meeting.OwnAddresses(4000, false, manyAddresses...); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := meeting.OwnAddresses(4000, true, manyAddresses...); !slices.Contains(got, "tcp://127.0.0.1:4000") {
		t.Errorf("with a server on this machine: %q", got)
	}
	var crowd []netip.Prefix
	for i := range 200 {
		crowd = append(crowd, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, byte(i), 1}), 24))
	}
	got := meeting.OwnAddresses(4000, false, append(crowd, prefixes("203.0.113.5/24")...)...)
	if len(got) > 6 || got[1] != "tcp://203.0.113.5:4000" {
		t.Errorf("of many addresses: %q", got)
	}
}

func TestWhatGoesIntoATicket(t *testing.T) {
	t.Parallel()
	if got := fmt.Sprint(meeting.TicketAddresses(5, manyAddresses...)); got != "[203.0.113.5:5 [2001:db8::7]:5 10.0.0.1:5 [fd00::1]:5]" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(meeting.TicketAddresses(5, prefixes("127.0.0.1/8", "::1/128")...)); !strings.HasPrefix(got, "[127.0.0.1:5") {
		t.Errorf("without a network: %s", got)
	}
}

func TestParseCandidate(t *testing.T) {
	t.Parallel()
	id := idOf("code")
	for in, want := range map[string]string{
		"tcp://203.0.113.5:22000":              "tcp://203.0.113.5:22000",
		"tcp4://10.1.2.3:1":                    "tcp://10.1.2.3:1",
		"tcp://[2001:db8::7]:1/":               "tcp://[2001:db8::7]:1",
		"tcp://[::ffff:203.0.113.5]:1":         "tcp://203.0.113.5:1",
		"tcp://203.0.113.5":                    "",
		"tcp://203.0.113.5:65536":              "",
		"tcp://127.0.0.1:1":                    "",
		"tcp://[::ffff:127.0.0.1]:1":           "",
		"tcp://0.1.2.3:1":                      "",
		"tcp://name.example.org:1":             "",
		"quic://203.0.113.5:1":                 "",
		"relay://203.0.113.5:1":                "relay://203.0.113.5:1",
		"relay://Relay.Example.org:1/?token=x": "relay://relay.example.org:1",
		"relay://203.0.113.5:1/?a=b&id=" + id:  "relay://203.0.113.5:1/?id=" + id,
		"relay://203.0.113.5:1/?id=" + id[1:]:  "",
		"relay://a b:1":                        "",
		"relay://127.0.0.1:1":                  "",
		"tcp://" + strings.Repeat("1", 600):    "",
		"tcp://u@203.0.113.5:1":                "",
	} {
		if got := meeting.ParseCandidate(in, false); got != want {
			t.Errorf("%s was read as %q, want %q", in, got, want)
		}
	}
}

func TestClockInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC) // a machine without a battery
	cert := newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	err := meeting.VerifyAt(cert, now)
	if got := meeting.ExplainDiscovery(err, now); !strings.Contains(got.Error(), "not valid yet: is the clock of this machine right? It says 1970-01-01T00:05:00Z") {
		t.Errorf("%v: %v", err, got)
	}
}
