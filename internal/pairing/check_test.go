package pairing

import (
	"strings"
	"testing"
)

// badFolderNames would leave the root, hide, or not exist on some system.
var badFolderNames = []string{
	"", ".", "..", "../etc", "a/b", `a\b`, "/etc", `C:\a`, "c:", ".botsync", ".stfolder", "a.", "a ", " a",
	"a\x00b", "a\nb", "a\u202eb", "con", "CON", "nul.txt", "com1", "LPT9.a", "aux .b", "a*", "a?", `a"`, "a<b", "a|b",
	strings.Repeat("a", MaxName+1),
}

func TestCheckFolderName(t *testing.T) {
	t.Parallel()
	for _, name := range badFolderNames {
		if checkFolderName(name) == nil {
			t.Errorf("%q is taken for a folder name", name)
		}
	}
	for _, name := range []string{"shared", "deliverables", "inbox", "Über uns", "日本語", "a.b", "🎉", "console", "com", "a..b", strings.Repeat("ä", MaxName)} {
		if err := checkFolderName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"laptop", "Anna's laptop", "🎉", "./-*", strings.Repeat("ä", MaxName)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, message := range map[string]string{
		"":                                "empty",
		"a\tb":                            "the character U+0009 cannot be shown",
		"a\u2028b":                        "the character U+2028 cannot be shown",
		"a\u00a0b":                        "the character U+00A0 cannot be shown",
		"\xff":                            "not UTF-8",
		"a ":                              "begins or ends with a space",
		strings.Repeat("a", 1000):         "longer than 64 characters",
		strings.Repeat("\u0301", MaxName): "",
	} {
		err := CheckName(name)
		if message == "" {
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
		} else if err == nil || err.Error() != message {
			t.Errorf("CheckName(%q) = %v, want %q", name, err, message)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"dynamic", "tcp://192.0.2.1:22000", "tcp4://:22000", "quic://[2001:db8::1]:22000", "tcp://[fe80::1%25eth0]:22000",
		"relay://relay.example:22067/?id=ABC&token=x", "tcp://host.example",
	} {
		if err := CheckAddress(a); err != nil {
			t.Errorf("%q: %v", a, err)
		}
	}
	for _, a := range []string{
		"", "dynamic ", "192.0.2.1:22000", "tcp:192.0.2.1", "tcp://", "/a", "://a", "tcp://a\nb", "tcp://ä", "tcp://u:p@h", "TCP ://a", "\x00",
	} {
		if CheckAddress(a) == nil {
			t.Errorf("%q is taken for an address", a)
		}
	}
}
