package machines

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// stock is a Syncthing without botsync, used over its REST API as its own web
// interface does it.
type stock struct {
	t       *testing.T
	machine *machine
	name    string
	dir     string // of everything that it has
	id      string
	http    *http.Client
}

// stockKey is the key of a REST API that is gone in a minute, on a Unix socket.
const stockKey = "machines"

// installedSyncthing is the program that the system has: 1.19 on Debian 12, the
// oldest that botsync is made for.
func installedSyncthing(t *testing.T) string {
	t.Helper()
	need(t)
	path := needs.Tool(t, "syncthing")
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("installed: %s", out)
	return path
}

// currentSyncthing is the program of the version that is the engine, built once.
// "go tool", which builds the servers, would leave out the tag that it needs.
func currentSyncthing(t *testing.T) string {
	t.Helper()
	need(t)
	path, err := buildSyncthing()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// builtSyncthing is the directory of what was built, "" if nothing was.
var builtSyncthing string

var buildSyncthing = sync.OnceValues(func() (string, error) {
	var err error
	if builtSyncthing, err = os.MkdirTemp("", "bs-syncthing-"); err != nil {
		return "", err
	}
	path := filepath.Join(builtSyncthing, "syncthing")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "noassets", "-o", path, "github.com/syncthing/syncthing/cmd/syncthing")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Syncthing: %w\n%s", err, out)
	}
	return path, nil
})

// stockSyncthing starts one with the ports that it has by default, but for its REST
// API, which is at a Unix socket. It ends with the test.
func (m *machine) stockSyncthing(name, program string) *stock {
	m.t.Helper()
	s := &stock{t: m.t, machine: m, name: name, dir: botsynctest.TempDir(m.t)}
	home, socket := filepath.Join(s.dir, "home"), filepath.Join(s.dir, "gui.sock")
	out, err := exec.Command(program, "generate", "--home", home).CombinedOutput()
	if err != nil {
		m.t.Fatalf("making the identity of %s: %v\n%s", name, err, out)
	}
	s.id = string(regexp.MustCompile(serverID).Find(out))
	config := fmt.Sprintf(`<configuration version="36"><device id=%q name=%q><address>dynamic</address></device>
<gui enabled="true" tls="false"><address>%s</address><apikey>%s</apikey></gui>
<options><urAccepted>-1</urAccepted><startBrowser>false</startBrowser><crashReportingEnabled>false</crashReportingEnabled>
<reconnectionIntervalS>5</reconnectionIntervalS></options></configuration>`, s.id, name, socket, stockKey)
	if err := os.WriteFile(filepath.Join(home, "config.xml"), []byte(config), 0o600); err != nil {
		m.t.Fatal(err)
	}
	s.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	m.t.Cleanup(s.http.CloseIdleConnections)

	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", m.ns, program, "serve", "--home", home, "--no-browser", "--no-restart")
	// Without a parent of its own that starts it again, and with its home in s.dir.
	cmd.Env = append(os.Environ(), "STMONITORED=1", "STNOUPGRADE=1", "HOME="+s.dir)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if m.t.Failed() {
			m.t.Logf("log of %s:\n%s", name, s.log())
		}
	})
	botsynctest.Await(m.t, name+" answers", func() bool {
		var pong struct{ Ping string }
		return s.try(http.MethodGet, "system/ping", nil, &pong) == nil && pong.Ping == "pong"
	})
	return s
}

func (s *stock) log() string { return readFile(s.t, filepath.Join(s.dir, "log")) }

func (s *stock) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir, "files"}, elem...)...)
}

func (s *stock) try(method, what string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, "http://stock/rest/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", stockKey)
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, data)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(data, out)
	}
	return err
}

func (s *stock) call(method, what string, in, out any) {
	s.t.Helper()
	if err := s.try(method, what, in, out); err != nil {
		s.t.Fatalf("%s: %s %s: %v", s.name, method, what, err)
	}
}

// accept does what "devices add" tells the person to do: it adds the devices and
// accepts the folders, in directories called as the folders are.
func (s *stock) accept(line api.AddedLine) {
	s.t.Helper()
	members := []map[string]string{{"deviceID": s.id}}
	for _, d := range line.Devices {
		s.call(http.MethodPost, "config/devices", map[string]string{"deviceID": d.ID, "name": d.Name}, nil)
		members = append(members, map[string]string{"deviceID": d.ID})
	}
	for _, f := range line.Folders {
		s.call(http.MethodPost, "config/folders", map[string]any{"id": f.ID, "label": f.Name, "path": s.path(f.Name), "devices": members}, nil)
	}
}

// forget removes a device, from the folders too.
func (s *stock) forget(id string) {
	s.t.Helper()
	s.call(http.MethodDelete, "config/devices/"+id, nil, nil)
}

// connected are the IDs of the devices that it is connected to.
func (s *stock) connected() map[string]bool {
	s.t.Helper()
	var reply struct {
		Connections map[string]struct{ Connected bool }
	}
	s.call(http.MethodGet, "system/connections", nil, &reply)
	ids := map[string]bool{}
	for id, c := range reply.Connections {
		if c.Connected {
			ids[id] = true
		}
	}
	return ids
}

// write writes a file and has it noticed at once, as its web interface can.
func (s *stock) write(folderID, folder, name, content string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(folder, name), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.call(http.MethodPost, "db/scan?folder="+folderID, nil, nil)
}
