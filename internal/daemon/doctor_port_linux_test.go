package daemon

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPortTakerIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if got := portTaker(port); !strings.HasSuffix(got, fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("port %d is taken by %q", port, got)
	}
}

func TestSocketsAt(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:55FA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000
   1: 0100007F:55FA 0100007F:ABCD 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0000000000000000
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0000000000000000
nonsense
`
	if got := socketsAt(table, 0x55FA, true); !slices.Equal(got, []string{"111"}) {
		t.Errorf("listening: %q", got)
	}
	if got := socketsAt(table, 0x55FA, false); !slices.Equal(got, []string{"111", "222"}) {
		t.Errorf("all: %q", got)
	}
}
