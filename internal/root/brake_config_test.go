package root

import (
	"strings"
	"testing"
)

func TestBrakeConfig(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want Brake
		bad  string
	}{
		{text: "", want: Brake{true, 50, 1.0 / 3}},
		{text: "[brake]\nfiles = 10", want: Brake{true, 10, 1.0 / 3}},
		{text: "[brake]\nshare = 1", want: Brake{true, 50, 1}},
		{text: "[brake]\nfiles = 0\nshare = 0.0", want: Brake{true, 0, 0}},
		{text: "[brake]\nenabled = false", want: Brake{false, 50, 1.0 / 3}},
		{text: "[brake]\nenabled = false\nfiles = 0\nshare = 0.0", want: Brake{false, 50, 1.0 / 3}},
		{text: "[brake]\nfiles = -1", bad: "files -1 is not between"},
		{text: "[brake]\nshare = 33.0", bad: "share 33 is not between"},
		{text: "[brake]\nshare = nan", bad: "share NaN is not between"},
		{text: "[brake]\nfile = 1", bad: "file"},
	} {
		c, err := decodeConfig("config.toml", []byte("name = \"a\"\n"+tt.text))
		if tt.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tt.bad) {
				t.Errorf("%q: %v", tt.text, err)
			}
			continue
		}
		if err != nil || c.Brake != tt.want {
			t.Errorf("%q: %+v, %v", tt.text, c.Brake, err)
		}
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeConfig("config.toml", data); err != nil || again.Brake != tt.want {
			t.Errorf("%q is written as %+v, %v", tt.text, again.Brake, err)
		}
	}
}
