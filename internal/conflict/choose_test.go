package conflict

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	current := Version{Path: "a", Current: true, Device: "B", Modified: at(5)}
	mine := Version{Path: "a1", Device: "A", Mine: true, Modified: at(3)}
	third := Version{Path: "a2", Device: "C", Modified: at(1)}
	again := Version{Path: "a3", Device: "A", Mine: true, Modified: at(2)}
	unknown := Version{Path: "a4", Modified: at(9)}
	for what, test := range map[string]struct {
		versions []Version
		choice   Choice
		want     int
		err      error
	}{
		"mine":                     {[]Version{current, mine}, Choice{Keep: Mine}, 1, nil},
		"theirs":                   {[]Version{current, mine}, Choice{Keep: Theirs}, 0, nil},
		"mine, of three":           {[]Version{current, mine, third}, Choice{Keep: Mine}, 1, nil},
		"theirs, of three":         {[]Version{current, mine, third}, Choice{Keep: Theirs}, 0, ErrSeveral},
		"mine, none is":            {[]Version{current, third}, Choice{Keep: Mine}, 0, ErrNone},
		"theirs, both are":         {[]Version{current, third}, Choice{Keep: Theirs}, 0, ErrSeveral},
		"theirs, all are mine":     {[]Version{mine, again}, Choice{Keep: Theirs}, 0, ErrNone},
		"mine, both are":           {[]Version{mine, again}, Choice{Keep: Mine}, 0, ErrSeveral},
		"theirs, nobody's":         {[]Version{mine, unknown}, Choice{Keep: Theirs}, 1, nil},
		"a device":                 {[]Version{current, mine, third}, Choice{Device: "C"}, 2, nil},
		"a device, two":            {[]Version{current, mine, again}, Choice{Device: "A"}, 0, ErrSeveral},
		"a device, the newest":     {[]Version{current, again, mine}, Choice{Keep: Newest, Device: "A"}, 2, nil},
		"a device that made none":  {[]Version{current, mine}, Choice{Device: "D"}, 0, ErrNone},
		"mine, and another device": {[]Version{current, mine}, Choice{Keep: Mine, Device: "B"}, 0, ErrNone},
		"newest":                   {[]Version{current, mine, third}, Choice{Keep: Newest}, 0, nil},
		"oldest":                   {[]Version{current, mine, third}, Choice{Keep: Oldest}, 2, nil},
		"newest, nobody's":         {[]Version{current, unknown}, Choice{Keep: Newest}, 1, nil},
	} {
		if got, err := Choose(test.versions, test.choice); !errors.Is(err, test.err) || err == nil && got != test.want {
			t.Errorf("%s: %d, %v; want %d, %v", what, got, err, test.want, test.err)
		}
	}
}

// In whatever order they come, the newest is the newest, also of those of one time;
// so that two devices that resolve a conflict at once keep the same.
func TestNewestIsOneOnEveryDevice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var versions []Version
		for i := range rapid.IntRange(1, 5).Draw(t, "versions") {
			versions = append(versions, Version{Path: string(rune('a' + i)), Current: i == 0,
				Modified: time.Unix(rapid.Int64Range(0, 2).Draw(t, "time"), 0)})
		}
		shuffled := rapid.Permutation(versions).Draw(t, "order")
		for _, keep := range []string{Newest, Oldest} {
			a, err := Choose(versions, Choice{Keep: keep})
			b, err2 := Choose(shuffled, Choice{Keep: keep})
			if err != nil || err2 != nil || versions[a] != shuffled[b] {
				t.Fatalf("%s: %v and %v, %v, %v", keep, versions[a], shuffled[b], err, err2)
			}
			for _, v := range versions {
				if keep == Newest && v.Modified.After(versions[a].Modified) || keep == Oldest && v.Modified.Before(versions[a].Modified) {
					t.Fatalf("%s of %v is %v", keep, versions, versions[a])
				}
			}
		}
	})
}
