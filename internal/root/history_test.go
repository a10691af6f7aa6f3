package root

import (
	"errors"
	"testing"

	"github.com/botsync/botsync/internal/api"
)

func TestHistorySettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]History{
		"":                                    {30, ""},
		"[history]":                           {30, ""},
		"[history]\ndays = 7":                 {7, ""},
		"[history]\nmax_size = \"2GB\"":       {30, "2GB"},
		"[history]\nmax_size = \" 500 MiB \"": {30, "500 MiB"},
		"[history]\nmax_size = \"\"":          {30, ""},
	} {
		c, err := decodeConfig("config.toml", []byte(text))
		if err != nil || c.History != want {
			t.Errorf("%q: %+v, %v", text, c.History, err)
		}
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeConfig("config.toml", data); err != nil || again.History != want {
			t.Errorf("%q is written as %s: %v", text, data, err)
		}
	}
	for _, text := range []string{"days = -1", "days = 0", "days = 100000", `max_size = "lots"`, `max_size = "0"`, `max_size = "-1GB"`, `max_size = "999999999EB"`} {
		var e *api.Error
		if _, err := decodeConfig("config.toml", []byte("[history]\n"+text)); !errors.As(err, &e) || e.Code != api.CodeBadConfig || e.Hint == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
	if n := (History{MaxSize: "2GB"}).Bytes(); n != 2_000_000_000 {
		t.Errorf("2GB are %d", n)
	}
	if n := (History{}).Bytes(); n != 0 {
		t.Errorf("nothing is %d", n)
	}
}
