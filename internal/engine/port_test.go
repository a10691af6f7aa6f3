package engine

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestKeptPort(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		want    int
	}{
		"kept":         {`<configuration><options><listenAddress>quic://0.0.0.0:9</listenAddress><listenAddress>tcp://0.0.0.0:23456</listenAddress></options></configuration>`, 23456},
		"none":         {`<configuration></configuration>`, 0},
		"damaged":      {`<configuration><opt`, 0},
		"no port":      {`<configuration><options><listenAddress>tcp://0.0.0.0</listenAddress></options></configuration>`, 0},
		"out of range": {`<configuration><options><listenAddress>tcp://0.0.0.0:99999</listenAddress></options></configuration>`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "config.xml")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := keptPort(file); got != test.want {
				t.Fatalf("got %d, want %d", got, test.want)
			}
		})
	}
	if got := keptPort(filepath.Join(t.TempDir(), "missing")); got != 0 {
		t.Fatalf("of a missing file: %d", got)
	}
}

func TestTakenPortsAreNotChosen(t *testing.T) {
	t.Parallel()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for _, taken := range []int{tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port} {
		if got := choosePort(taken); got == taken || got == 0 {
			t.Errorf("chose %d although %d is taken", got, taken)
		}
	}
}

// A root whose port was that of stock Syncthings moves away from it.
func TestStockPortIsNeverChosen(t *testing.T) {
	t.Parallel()
	if got := choosePort(stockPort); got == stockPort || got == 0 {
		t.Errorf("chose %d", got)
	}
}
