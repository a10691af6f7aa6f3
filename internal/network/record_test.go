package network

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const idA = "AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA-AAAAAAA"

// deviceID makes a well-formed ID out of n.
func deviceID(n int) string {
	id := []byte(idA)
	for i := 0; n > 0; i++ {
		id[i] = byte('A' + n%26)
		n /= 26
	}
	return string(id)
}

func record(n int) Record {
	return Record{ID: deviceID(n), Name: "laptop", AddedBy: idA, AddedAt: time.Unix(1_800_000_000+int64(n), 0).UTC()}
}

func TestParseRecord(t *testing.T) {
	t.Parallel()
	edit := func(change func(map[string]any)) string {
		var m map[string]any
		if err := json.Unmarshal(record(1).Marshal(), &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, test := range map[string]struct {
		data string
		want string // part of the error; none if empty
	}{
		"as written":           {data: string(record(1).Marshal())},
		"unknown field":        {data: edit(func(m map[string]any) { m["later"] = 1 })},
		"not JSON":             {"hello", "invalid character"},
		"empty":                {"", "EOF"},
		"huge":                 {edit(func(m map[string]any) { m["name"] = strings.Repeat("x", MaxRecordBytes) }), "longer"},
		"another id":           {edit(func(m map[string]any) { m["id"] = idA }), "another device"},
		"id in lower case":     {edit(func(m map[string]any) { m["id"] = strings.ToLower(deviceID(1)) }), "another device"},
		"name with newline":    {edit(func(m map[string]any) { m["name"] = "a\nb" }), "name"},
		"name turned around":   {edit(func(m map[string]any) { m["name"] = "a\u202eb" }), "name"},
		"name too long":        {edit(func(m map[string]any) { m["name"] = strings.Repeat("ü", MaxNameRunes+1) }), "name"},
		"no name":              {edit(func(m map[string]any) { m["name"] = "" }), "name"},
		"unknown role":         {edit(func(m map[string]any) { m["role"] = "king" }), "role"},
		"address with escape":  {edit(func(m map[string]any) { m["addresses"] = []string{"tcp://\x1b[2J"} }), "address"},
		"too many addresses":   {edit(func(m map[string]any) { m["addresses"] = make([]string, MaxAddresses+1) }), "addresses"},
		"added by nobody real": {edit(func(m map[string]any) { m["added_by"] = "me" }), "added_by"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseRecord(deviceID(1), []byte(test.data))
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// What one device writes another reads, byte for byte the same when written again.
func TestRecordsSurviveTheJourney(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			ID:      deviceID(rapid.IntRange(0, 1e9).Draw(t, "id")),
			Name:    rapid.StringN(1, MaxNameRunes, -1).Filter(ValidName).Draw(t, "name"),
			AddedBy: deviceID(rapid.IntRange(0, 1e9).Draw(t, "by")),
			AddedAt: time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "at"), rapid.Int64Range(0, 1e9).Draw(t, "ns")),
		}
		data := r.Marshal()
		got, err := ParseRecord(r.ID, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(data), string(got.Marshal())); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(record(0).Marshal())
	f.Add([]byte(`{"id":"` + idA + `","name":"\u0000","added_at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRecord(idA, data)
		if err != nil {
			return
		}
		if r.ID != idA || !ValidName(r.Name) || len(r.Addresses) > MaxAddresses {
			t.Fatalf("accepted %+v", r)
		}
		if _, err := ParseRecord(idA, r.Marshal()); err != nil {
			t.Fatalf("does not read what it wrote: %v", err)
		}
	})
}

func FuzzParseRemoval(f *testing.F) {
	f.Add([]byte(`{"schema":1,"id":"` + idA + `","removed_by":"x","removed_at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRemoval(idA, data); err == nil && r.ID != idA {
			t.Fatalf("accepted %+v", r)
		}
	})
}
