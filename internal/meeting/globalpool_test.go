package meeting

import "testing"

// A server that knows relays can say what it likes.
func FuzzParseRelayList(f *testing.F) {
	f.Add([]byte(`{"relays":[{"url":"relay://192.0.2.1:22067/?id=x"},{"url":"relay://127.0.0.1:1"},{"url":"tcp://192.0.2.1:1"}]}`), false)
	f.Add([]byte(`{"relays":[{"url":"relay://a.example.org:22067/?token=t"}]}`), true)
	f.Add([]byte(`{"relays":null}`), false)
	f.Fuzz(func(t *testing.T, body []byte, loopback bool) {
		list, err := parseRelayList(body, loopback)
		if (err == nil) != (len(list) > 0) || len(list) > maxPool {
			t.Fatalf("%d relays, %v", len(list), err)
		}
		for _, r := range list {
			if r.host == "" || r.port == 0 {
				t.Fatalf("%+v", r)
			}
		}
	})
}
