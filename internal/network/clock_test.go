package network

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the clocks and the delays, the true offset is within the bounds, and they
// are as wide as the two messages took.
func TestBoundsHoldTheOffset(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		length := func(name string, max time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(max)).Draw(t, name))
		}
		start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) // of a clock that is right
		mine := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "my clock is ahead"))
		theirs := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "theirs"))
		there, pause, back := length("there", time.Minute), length("pause", time.Minute), length("back", time.Minute)

		said, err := ParseClock(idA, ClockFile(Clock{ID: idA, At: start.Add(mine), Asks: true}).Data)
		if err != nil {
			t.Fatal(err)
		}
		heard := Heard{At: said.At, Seen: start.Add(there + theirs)}
		answer, err := ParseClock(deviceID(2), ClockFile(Clock{ID: deviceID(2), At: start.Add(there + pause + theirs), Heard: map[string]Heard{idA: heard}}).Data)
		if err != nil {
			t.Fatal(err)
		}
		low, high, ok := Bounds(said, answer, start.Add(there+pause+back+mine))
		if offset := theirs - mine; !ok || low > offset || offset > high || high-low != there+back {
			t.Fatalf("%v is not between %v and %v: %v", offset, low, high, ok)
		}
		later := Clock{ID: idA, At: said.At.Add(1)}
		if _, _, ok := Bounds(later, answer, start); ok {
			t.Fatal("what was answered was not what was said")
		}
	})
}

func TestClockFileIsBounded(t *testing.T) {
	t.Parallel()
	c := Clock{ID: idA, At: time.Now(), Heard: map[string]Heard{}}
	for i := range 1000 {
		c.Heard[deviceID(i)] = Heard{At: time.Now(), Seen: time.Unix(int64(1_700_000_000+i), 0)}
	}
	data := ClockFile(c).Data
	got, err := ParseClock(idA, data)
	if err != nil || len(data) > MaxRecordBytes || len(got.Heard) != maxHeard {
		t.Fatalf("%d bytes, %d heard: %v", len(data), len(got.Heard), err)
	}
	if _, ok := got.Heard[deviceID(999)]; !ok {
		t.Error("the latest was dropped")
	}
}

func TestStoreReadsClocksOfMembers(t *testing.T) {
	t.Parallel()
	s, known := NewStore(t.TempDir(), nil), Known{}.Clone()
	known.Add(record(1))
	for i := range 3 {
		if err := s.Write(ClockFile(Clock{ID: deviceID(i), Version: "v1.2.3", At: time.Unix(1_700_000_000, 0)})); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := s.Read(known)
	if err != nil || len(seen.Bad) > 0 || len(seen.Clocks) != 1 || seen.Clocks[deviceID(1)].Version != "v1.2.3" {
		t.Errorf("%+v, %v, %v", seen.Clocks, seen.Bad, err)
	}
	if merged := Merge(known, seen, deviceID(1)); len(merged.Bad) > 0 || len(merged.Remove) > 0 {
		t.Errorf("%+v", merged)
	}
}

func FuzzParseClock(f *testing.F) {
	f.Add(ClockFile(Clock{ID: idA, Version: "v1.2.3", At: time.Unix(1_700_000_000, 0), Asks: true,
		Heard: map[string]Heard{deviceID(2): {At: time.Unix(1, 0), Seen: time.Unix(1_700_000_000, 0)}}}).Data)
	f.Add([]byte(fmt.Sprintf(`{"id":%q,"at":"0001-01-01T00:00:00Z"}`, idA)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseClock(idA, data)
		if err != nil {
			return
		}
		if c.ID != idA || !usable(c.At) || !printable(c.Version) {
			t.Fatalf("%+v", c)
		}
		again, err := ParseClock(idA, ClockFile(c).Data)
		if err != nil || !again.At.Equal(c.At) || len(again.Heard) != min(len(c.Heard), maxHeard) {
			t.Fatalf("%+v, %v", again, err)
		}
	})
}
