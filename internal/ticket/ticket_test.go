package ticket

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sample is the ticket of docs/ticket.md.
func sample() Ticket {
	t := Ticket{
		Expires:   time.Date(2026, 11, 22, 10, 10, 0, 0, time.UTC),
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:21130"), netip.MustParseAddrPort("[2001:db8::7]:21130")},
		Relay:     "https://relay.example.org",
	}
	for i := range t.key {
		t.key[i] = byte(i)
		t.Device[i] = byte(255 - i)
	}
	return t
}

const (
	sampleText = "bst1amaacaqdaqcqmbyibefawdanbyhraeiscmkbkfqxdamrugy4dupb62ycx54aebgaaabacuukayqacdnyaaaaaaaaaaaaaaaa" +
		"aadvfcx77367z6727h4pp5xv6tz7f4pq57xo33hl5lu6rz7g4xsohyxb4amwq5duobztulzpojswyylzfzsxqylnobwgkltpojt7pgnkf4"
	samplePlace = "3d0cb38276d568b2ea823a04f7f50fc86ac3149dd7ea7ea49347729c46c4eaa3"
	samplePSK   = "b656de5b56c664dd20299b8cfd6c5ad0d7f310f756a84da435553285a56ddbac"
)

func TestVectors(t *testing.T) {
	t.Parallel()
	s := sample()
	if got := s.Text(); got != sampleText {
		t.Errorf("the text is\n%s, want\n%s", got, sampleText)
	}
	place, psk := s.Keys()
	if got := hex.EncodeToString(place[:]); got != samplePlace {
		t.Errorf("the place is %s, want %s", got, samplePlace)
	}
	if got := hex.EncodeToString(psk[:]); got != samplePSK {
		t.Errorf("the key is %s, want %s", got, samplePSK)
	}
	doc, err := os.ReadFile("../../docs/ticket.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{sampleText, samplePlace, samplePSK} {
		if !strings.Contains(string(doc), s) {
			t.Errorf("the documentation does not have %s", s)
		}
	}
	got, err := Parse(sampleText)
	if err != nil || !same(got, s) {
		t.Errorf("Parse: %v", err)
	}
}

// same compares tickets, which do not print.
func same(a, b Ticket) bool {
	return a.key == b.key && a.Expires.Equal(b.Expires) && a.Device == b.Device && a.Relay == b.Relay &&
		slices.Equal(a.Addresses, b.Addresses)
}

func addrPorts(minimum int) *rapid.Generator[[]netip.AddrPort] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) netip.AddrPort {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		addr, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "ip"))
		if addr = addr.Unmap(); addr.IsUnspecified() {
			addr = netip.MustParseAddr("192.0.2.1")
		}
		return netip.AddrPortFrom(addr, rapid.Uint16Min(1).Draw(t, "port"))
	}), minimum, MaxAddresses)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		relay := rapid.StringMatching(`(https://[a-z0-9.:/-]{1,180})?`).Draw(t, "relay")
		minimum := 0
		if relay == "" {
			minimum = 1
		}
		var device [32]byte
		copy(device[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "device"))
		end := time.Unix(int64(rapid.Uint32().Draw(t, "end")), 0)
		tk, err := New(end, device, addrPorts(minimum).Draw(t, "addresses"), relay)
		if err != nil {
			t.Fatal(err)
		}
		text := tk.Text()
		// As it may arrive: in other cases, broken into lines, indented.
		broken := strings.Builder{}
		for i, r := range text {
			if rapid.IntRange(0, 9).Draw(t, "break") == 0 {
				broken.WriteString(rapid.SampledFrom([]string{" ", "\n", "\r\n\t", "\u00a0"}).Draw(t, "space"))
			}
			if i%3 == 0 {
				r = []rune(strings.ToUpper(string(r)))[0]
			}
			broken.WriteRune(r)
		}
		got, err := Parse(broken.String())
		if err != nil || !same(got, tk) {
			t.Fatalf("%q: %v", broken.String(), err)
		}
		if !IsTicket(broken.String()) {
			t.Fatal("it is not taken for a ticket")
		}
		if len(text) > 1000 {
			t.Fatalf("%d characters", len(text))
		}
		if _, psk := got.Keys(); psk == tk.derive("place") {
			t.Fatal("place and key are the same")
		}
	})
}

// Every character that is another, too many, missing or in another place, and every cut, is found.
func TestDamage(t *testing.T) {
	t.Parallel()
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-."
	refused := func(s string) {
		t.Helper()
		got, err := Parse(s)
		if err == nil {
			t.Errorf("%s was read: %v", s, same(got, sample()))
			return
		}
		_, syntax := errors.AsType[*SyntaxError](err)
		if !syntax && !errors.Is(err, ErrChecksum) {
			t.Errorf("%s: %v", s, err)
		}
		// Only what no longer begins as a ticket may be called none.
		if syntax && strings.HasPrefix(s, "bst1") {
			t.Errorf("%s is called no ticket: %v", s, err)
		}
	}
	for i := range sampleText {
		for _, r := range alphabet {
			if byte(r) != sampleText[i] {
				refused(sampleText[:i] + string(r) + sampleText[i+1:])
			}
			inserted := sampleText[:i] + string(r) + sampleText[i:]
			refused(inserted)
		}
		refused(sampleText[:i])
		for j := i + 1; j <= len(sampleText); j++ { // a cut in the middle
			refused(sampleText[:i] + sampleText[j:])
		}
		if i > 0 && sampleText[i] != sampleText[i-1] {
			refused(sampleText[:i-1] + sampleText[i:i+1] + sampleText[i-1:i] + sampleText[i+1:])
		}
	}
	refused(sampleText + sampleText)
	refused(strings.Repeat("a", 1<<20))
}

// seal makes a ticket of any version and body, with a right check.
func seal(v string, body []byte) string {
	return letters + v + encoding.EncodeToString(binary.BigEndian.AppendUint32(slices.Clone(body), check(letters+v, body)))
}

func TestNewerVersion(t *testing.T) {
	t.Parallel()
	body := sample().body()
	strange := slices.Clone(body)
	strange[0] |= 0x10
	for _, s := range []string{seal("2", []byte("anything")), seal("9", body), seal("z", body), seal("1", strange)} {
		_, err := Parse(s)
		if _, ok := errors.AsType[*VersionError](err); !ok || !strings.Contains(err.Error(), "update botsync") {
			t.Errorf("%s: %v", s, err)
		}
	}
	// What becomes another version by damage is damaged.
	if _, err := Parse(strings.Replace(sampleText, "bst1", "bst2", 1)); !errors.Is(err, ErrChecksum) {
		t.Errorf("got %v", err)
	}
}

// What has a right check and is no ticket all the same was made by somebody who knows how.
func TestForgedBodies(t *testing.T) {
	t.Parallel()
	s := sample()
	no := func(change func(*Ticket)) []byte {
		c := sample()
		c.Addresses = slices.Clone(c.Addresses)
		change(&c)
		return c.body()
	}
	blank := append([]byte{flagRelay}, s.body()[1:]...)
	for name, body := range map[string][]byte{
		"flags only":      {0},
		"no address":      no(func(t *Ticket) { t.Addresses, t.Relay = nil, "" }),
		"port 0":          no(func(t *Ticket) { t.Addresses[0] = netip.AddrPortFrom(t.Addresses[0].Addr(), 0) }),
		"unspecified":     no(func(t *Ticket) { t.Addresses[0] = netip.MustParseAddrPort("0.0.0.0:1") }),
		"4 in 6":          no(func(t *Ticket) { t.Addresses[0] = netip.MustParseAddrPort("[::ffff:1.2.3.4]:1") }),
		"many addresses":  no(func(t *Ticket) { t.Addresses = slices.Repeat(t.Addresses, 9) }),
		"control in URL":  no(func(t *Ticket) { t.Relay = "https://a\x1b[2J" }),
		"long URL":        no(func(t *Ticket) { t.Relay = strings.Repeat("a", MaxRelay+1) }),
		"something after": append(s.body(), 0),
		"cut":             s.body()[:60],
		"blank device":    append(append(blank[:0:0], flagDevice), append(no(func(t *Ticket) { t.Device, t.Relay = [32]byte{}, "" })[1:], make([]byte, 32)...)...),
		"blank relay":     append(append(blank[:0:0], flagRelay), append(no(func(t *Ticket) { t.Device, t.Relay = [32]byte{}, "" })[1:], 0)...),
		"address kind":    append(append([]byte{0}, s.body()[1:37]...), 1, 5, 1, 2, 3, 4, 0, 1),
	} {
		_, err := Parse(seal(version, body))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ok := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:1")}
	now := time.Now()
	for name, err := range map[string]error{
		"nothing":   second(New(now, [32]byte{}, nil, "")),
		"too many":  second(New(now, [32]byte{}, slices.Repeat(ok, MaxAddresses+1), "")),
		"zone":      second(New(now, [32]byte{}, []netip.AddrPort{netip.MustParseAddrPort("[fe80::1%lo]:1")}, "")),
		"long ago":  second(New(time.Time{}, [32]byte{}, ok, "")),
		"space":     second(New(now, [32]byte{}, ok, "https://a b")),
		"long away": second(New(now.AddDate(100, 0, 0), [32]byte{}, ok, "")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	a, _ := New(now, [32]byte{}, ok, "")
	b, _ := New(now, [32]byte{}, ok, "")
	if a.key == b.key {
		t.Error("two tickets have the same key")
	}
}

func second(_ Ticket, err error) error { return err }

func TestExpiry(t *testing.T) {
	t.Parallel()
	s := sample()
	if err := s.CheckExpiry(s.Expires.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	err := s.CheckExpiry(s.Expires.Add(3 * time.Hour))
	if !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "clock says 2026-11-22T13:10:00Z") {
		t.Errorf("got %v", err)
	}
}

func TestIsTicket(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		sampleText:                           true,
		strings.ToUpper(sampleText):          true,
		"bst1":                               true,
		" BST\n2abc":                         true,
		"x" + sampleText[1:]:                 true,
		"":                                   false,
		"bst":                                false,
		"abacus-abdomen-ability-ablaze-zoom": false,
		strings.Repeat("pneumonia ", 5):      false,
		strings.Repeat("some-words ", 20):    false,
	} {
		if IsTicket(s) != want {
			t.Errorf("IsTicket(%q) is not %v", s, want)
		}
	}
}

func TestTicketsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := sample()
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %x", &s, s), fmt.Sprintf("%#v", []Ticket{s}), s.LogValue().String()} {
		if !strings.Contains(got, redacted) || strings.Contains(got, "192.0.2.1") {
			t.Errorf("printed as %s", got)
		}
	}
	if b, err := json.Marshal(s); err == nil {
		t.Errorf("marshalled as %s", b)
	}
}

func TestQR(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := QR(&b, sampleText); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	width := 0
	for _, l := range lines {
		l = strings.TrimSuffix(strings.TrimPrefix(l, "\x1b[30;107m"), "\x1b[0m")
		n := len([]rune(l))
		if width == 0 {
			width = n
		}
		if n != width || strings.Trim(l, " ▀▄█") != "" {
			t.Fatalf("a line of %d characters: %q", n, l)
		}
	}
	if want := (width + 1) / 2; len(lines) != want || width > 80 {
		t.Errorf("%d lines of %d columns", len(lines), width)
	}
	t.Logf("%d characters make %d lines of %d columns", len(sampleText), len(lines), width)
	if err := QR(&b, strings.Repeat("a", 10000)); err == nil {
		t.Error("no error for what does not fit")
	}
}

// What is read is written in the same way again, but for case and spaces.
func FuzzParse(f *testing.F) {
	f.Add(sampleText)
	f.Add(seal("2", []byte("x")))
	f.Add(seal("1", []byte{3}))
	f.Add("bst1 \u200b")
	f.Fuzz(func(t *testing.T, s string) {
		tk, err := Parse(s)
		if err == nil && tk.Text() != compact(s) {
			t.Fatalf("%q was read as %s", s, tk.Text())
		}
		// The same with a right check, to get past it.
		if tk, err := Parse(seal(version, []byte(s))); err == nil && string(tk.body()) != s {
			t.Fatalf("the body %q was read as %q", s, tk.body())
		}
	})
}
