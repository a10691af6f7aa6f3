package pairing

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/code"
)

func TestKeysSurviveStorage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 2*KeysSize).Draw(t, "bytes")
		k, err := KeysFromBytes(b)
		blank := make([]byte, 32)
		valid := len(b) == KeysSize && !bytes.Equal(b[:32], blank) && !bytes.Equal(b[32:], blank)
		if valid != (err == nil) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.Equal(k.Bytes(), b) {
			t.Fatalf("%x comes back as %x", b, k.Bytes())
		}
	})
	k, err := KeysFromBytes(bytes.Repeat([]byte{1}, KeysSize))
	if err != nil {
		t.Fatal(err)
	}
	k.Bytes()[0] = 9
	if k.Place[0] != 1 {
		t.Error("Bytes is not a copy")
	}
	if _, err := KeysFromBytes(append(bytes.Repeat([]byte{1}, 32), make([]byte, 32)...)); err == nil {
		t.Error("a blank PSK is taken")
	}
}

func TestDeriveKeysOfTheZeroCodePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it did not")
		}
	}()
	DeriveKeys(code.Code{})
}

// Neighbouring codes lead to unrelated places.
func TestAnotherCodeIsAnotherPlace(t *testing.T) {
	t.Parallel()
	a := DeriveKeys(mustCode(t, sampleCode))
	b := DeriveKeys(mustCode(t, "abdomen-abacus-ability-ablaze-zoom"))
	if a.Place == b.Place || a.PSK == b.PSK || a.Place.Label() == b.Place.Label() {
		t.Error("two codes share a key")
	}
	if [32]byte(a.Place) == [32]byte(a.PSK) {
		t.Error("place and PSK are the same")
	}
}

func TestLabel(t *testing.T) {
	t.Parallel()
	label := Place{1}.Label()
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(label) {
		t.Errorf("label %q is not 64 hexadecimal digits", label)
	}
	if strings.Contains(label, hex.EncodeToString(make([]byte, 8))) {
		t.Errorf("label %q shows the place", label)
	}
}

func TestKeysDoNotLeak(t *testing.T) {
	t.Parallel()
	k, err := KeysFromBytes(bytes.Repeat([]byte{0xab}, KeysSize))
	if err != nil {
		t.Fatal(err)
	}
	type holder struct {
		K   Keys
		P   *Keys
		Psk PSK
	}
	h := holder{k, &k, k.PSK}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, arg := range []any{k, k.Place, k.PSK, &k, h, []PSK{k.PSK}} {
			fmt.Fprintf(&out, verb+"\n", arg)
		}
	}
	for _, logger := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
		logger.Info("m", "k", k, "place", k.Place, "psk", k.PSK, "h", h)
	}
	for _, form := range []string{"abab", "ABAB", "171 171", "171,171", "0xab"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q shows:\n%s", form, out.String())
		}
	}
	for _, v := range []any{k, k.Place, k.PSK, h} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%T is marshalled as %s", v, b)
		}
	}
}

// BenchmarkDeriveKeys measures what a join spends on Argon2id, and what each
// guess costs who has seen a label.
func BenchmarkDeriveKeys(b *testing.B) {
	c := mustCode(b, sampleCode)
	for b.Loop() {
		DeriveKeys(c)
	}
}
