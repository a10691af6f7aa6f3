package pairing

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// vectors are the known answers that later versions must still give, or they
// cannot pair with this one. They were computed once, the derivation also by
// OpenSSL and the channel also by the reference in this package; they change
// only with the protocol's version.
type vectors struct {
	Code      string `json:"code"`
	K         string `json:"k"`
	Place     string `json:"place"`
	PSK       string `json:"psk"`
	Label     string `json:"label"`
	GuestKey  string `json:"guest_ephemeral_private"`
	HostKey   string `json:"host_ephemeral_private"`
	Hello     string `json:"hello"`
	Welcome   string `json:"welcome"`
	Error     string `json:"error"`
	FromGuest struct {
		Handshake string `json:"handshake"`
		Hello     string `json:"hello"`
		Ack       string `json:"ack"`
	} `json:"from_guest"`
	FromHost struct {
		Handshake string `json:"handshake"`
		Welcome   string `json:"welcome"`
		Done      string `json:"done"`
		Error     string `json:"error_instead_of_welcome"`
	} `json:"from_host"`
}

func (v vectors) guestEphemeral() []byte { return unhex(v.GuestKey) }
func (v vectors) hostEphemeral() []byte  { return unhex(v.HostKey) }

func loadVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsOfKeys(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	k := DeriveKeys(mustCode(t, v.Code))
	for name, pair := range map[string][2]string{
		"k":     {hex.EncodeToString(k.Bytes()), v.K},
		"place": {hex.EncodeToString(k.Place[:]), v.Place},
		"psk":   {hex.EncodeToString(k.PSK[:]), v.PSK},
		"label": {k.Place.Label(), v.Label},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
		}
	}
	if k.PSK != samplePSK {
		t.Error("samplePSK is of another code")
	}
}

// exchangeOfVectors runs the exchange of the vectors and returns what passes.
func exchangeOfVectors(t *testing.T, v vectors, refuse error) transcript {
	t.Helper()
	tr := transcript{}
	guestConn, hostConn, wait := relayed(tr.record(), func() {})
	p := newParties()
	done := make(chan error, 1)
	go func() {
		ch, err := handshake(t.Context(), hostConn, samplePSK, HostSide, bytes.NewReader(v.hostEphemeral()))
		if err == nil {
			host := p.host()
			if refuse != nil {
				host.Welcome = func(context.Context, Hello) (Welcome, error) { return Welcome{}, refuse }
			}
			err = host.Run(t.Context(), ch)
		}
		done <- err
	}()
	ch, err := handshake(t.Context(), guestConn, samplePSK, GuestSide, bytes.NewReader(v.guestEphemeral()))
	if err == nil {
		_, err = p.guest().Run(t.Context(), ch)
	}
	if hostErr := <-done; (err != nil || hostErr != nil) != (refuse != nil) {
		t.Fatalf("guest: %v; host: %v", err, hostErr)
	}
	wait()
	return tr
}

func TestVectorsOfChannel(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	var got, want [][2]string
	add := func(name string, unit []byte, known string) {
		got = append(got, [2]string{name, hex.EncodeToString(unit)})
		want = append(want, [2]string{name, known})
	}
	tr := exchangeOfVectors(t, v, nil)
	if len(tr[GuestSide]) != 3 || len(tr[HostSide]) != 3 {
		t.Fatalf("%d units of the guest and %d of the host, want 3 each", len(tr[GuestSide]), len(tr[HostSide]))
	}
	add("guest's handshake", tr[GuestSide][0], v.FromGuest.Handshake)
	add("Hello", tr[GuestSide][1], v.FromGuest.Hello)
	add("Ack", tr[GuestSide][2], v.FromGuest.Ack)
	add("host's handshake", tr[HostSide][0], v.FromHost.Handshake)
	add("Welcome", tr[HostSide][1], v.FromHost.Welcome)
	add("Done", tr[HostSide][2], v.FromHost.Done)
	refused := exchangeOfVectors(t, v, &RefusedError{Code: CodeBusy, Message: "another device is pairing"})
	add("Error", refused[HostSide][1], v.FromHost.Error)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is sent differs (-known +sent):\n%s", diff)
	}
}

func TestVectorsOfMessages(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	w := sampleWelcome
	w.Protocol = Protocol
	for _, tc := range []struct {
		typ     messageType
		message any
		want    string
	}{
		{messageHello, Hello{Protocol: Protocol, Device: sampleDevice}, v.Hello},
		{messageWelcome, w, v.Welcome},
		{messageError, errorMessage{Code: CodeBusy, Message: "another device is pairing", Protocol: Protocol}, v.Error},
		{messageAck, empty{}, "{}"},
		{messageDone, empty{}, "{}"},
	} {
		body, err := encode(tc.typ, tc.message)
		if err != nil || string(body) != tc.want {
			t.Errorf("%s is %s, %v; want %s", tc.typ, body, err, tc.want)
		}
	}
}

// The frames of the vectors, made by the reference alone.
func TestVectorsByReference(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	mine, theirs := net.Pipe()
	for _, conn := range []net.Conn{mine, theirs} {
		if err := conn.SetDeadline(time.Now().Add(HandshakeTimeout)); err != nil {
			t.Fatal(err)
		}
	}
	sent := make(chan string, 1)
	go func() {
		defer theirs.Close()
		var got []byte
		for _, step := range []struct{ hear, say string }{
			{v.FromGuest.Handshake, v.FromHost.Handshake},
			{v.FromGuest.Hello, v.FromHost.Welcome},
			{v.FromGuest.Ack, v.FromHost.Done},
		} {
			buf := make([]byte, len(step.hear)/2)
			if _, err := io.ReadFull(theirs, buf); err != nil {
				break
			}
			got = append(got, buf...)
			if _, err := theirs.Write(unhex(step.say)); err != nil {
				break
			}
		}
		sent <- hex.EncodeToString(got)
	}()
	welcome, err := newReference(mine, PSK(unhex(v.PSK)), v.guestEphemeral()).pair(v.Hello)
	mine.Close()
	if err != nil || welcome != v.Welcome {
		t.Errorf("got %q and %v, want the Welcome of the vectors", welcome, err)
	}
	if got, want := <-sent, v.FromGuest.Handshake+v.FromGuest.Hello+v.FromGuest.Ack; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// The page for implementers shows the same vectors, without the line breaks that
// it needs.
func TestDocumentationShowsTheVectors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/pairing.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), "")
	v := loadVectors(t)
	for _, value := range []string{
		v.Code, v.K, v.Place, v.PSK, v.Label, v.GuestKey, v.HostKey, v.Hello, v.Welcome, v.Error,
		v.FromGuest.Handshake, v.FromGuest.Hello, v.FromGuest.Ack,
		v.FromHost.Handshake, v.FromHost.Welcome, v.FromHost.Done, v.FromHost.Error,
	} {
		if value == "" || !strings.Contains(text, strings.Join(strings.Fields(value), "")) {
			t.Errorf("docs/pairing.md does not show %q", value)
		}
	}
}
