package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// syncthing is two processes of the stock program, of the version that is the
// engine of botsync, each with the other's address. Whatever would leave the
// machine is off; all else but the delays is as it comes.
type syncthing struct {
	sides
	b             *bench
	name          string
	watcher, pull float64 // seconds
	instances     [2]*instance
}

type instance struct {
	home, id string
	gui      string // address of the REST API, on loopback
	listen   string
	process  *program
}

// syncthingModule is the package of the program, which go.mod has as a tool.
const syncthingModule = "github.com/syncthing/syncthing/cmd/syncthing"

// The key of REST APIs that are gone in a minute, on loopback.
const apiKey = "bench"

func newSyncthing(b *bench, name string, watcher, pull float64) mover {
	return &syncthing{sides: b.newSides("syncthing"), b: b, name: name, watcher: watcher, pull: pull}
}

func (m *syncthing) tool() string { return m.name }

func (m *syncthing) traits() traits {
	if m.watcher < 1 {
		return traits{}
	}
	// The watcher's delay is doubled if something changes meanwhile.
	return traits{wait: time.Duration((m.watcher + m.pull) * float64(time.Second))}
}

func (m *syncthing) pids() []int {
	var pids []int
	for _, i := range m.instances {
		pids = append(pids, i.process.pid())
	}
	return pids
}

// buildSyncthing makes the program from this module, once a run.
func (b *bench) buildSyncthing(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "syncthing")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "noassets", "-o", path, syncthingModule)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Syncthing: %w\n%s", err, out)
	}
	return path, nil
}

func (m *syncthing) start(ctx context.Context) error {
	binary, err := m.b.buildSyncthing(ctx)
	if err != nil {
		return err
	}
	if err := m.make(); err != nil {
		return err
	}
	for i := range m.instances {
		in := &instance{home: filepath.Join(m.dir, fmt.Sprintf("home%d", i))}
		m.instances[i] = in
		if err := exec.CommandContext(ctx, binary, "generate", "--home", in.home, "--no-port-probing").Run(); err != nil {
			return fmt.Errorf("making Syncthing's certificate: %w", err)
		}
		id, err := exec.CommandContext(ctx, binary, "device-id", "--home", in.home).Output()
		if err != nil {
			return fmt.Errorf("reading Syncthing's device ID: %w", err)
		}
		in.id = strings.TrimSpace(string(id))
		if in.gui, err = freeAddress(); err != nil {
			return err
		}
		if in.listen, err = freeAddress(); err != nil {
			return err
		}
	}
	for i, root := range []string{m.leftRoot(), m.rightRoot()} {
		config := m.config(root, m.instances[i], m.instances[1-i])
		if err := os.WriteFile(filepath.Join(m.instances[i].home, "config.xml"), []byte(config), 0o600); err != nil {
			return err
		}
	}
	if err := m.run(ctx, binary); err != nil {
		return err
	}
	return sleep(ctx, 2*quiet)
}

func (m *syncthing) config(root string, self, peer *instance) string {
	var s strings.Builder
	s.WriteString("<configuration version=\"52\">\n")
	for _, f := range folders {
		fmt.Fprintf(&s, "<folder id=%q path=%q type=\"sendreceive\" fsWatcherDelayS=\"%g\">", f, filepath.Join(root, f), m.watcher)
		fmt.Fprintf(&s, "<device id=%q/><device id=%q/><pullerDelayS>%g</pullerDelayS></folder>\n", self.id, peer.id, m.pull)
	}
	for _, i := range []*instance{self, peer} {
		fmt.Fprintf(&s, "<device id=%q><address>tcp://%s</address></device>\n", i.id, i.listen)
	}
	fmt.Fprintf(&s, "<gui enabled=\"true\" tls=\"false\"><address>%s</address><apikey>%s</apikey></gui>\n", self.gui, apiKey)
	fmt.Fprintf(&s, "<options><listenAddress>tcp://%s</listenAddress>", self.listen)
	for _, off := range []string{"globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled", "natEnabled", "startBrowser", "crashReportingEnabled"} {
		fmt.Fprintf(&s, "<%s>false</%s>", off, off)
	}
	s.WriteString("<urAccepted>-1</urAccepted><urSeen>1000</urSeen><autoUpgradeIntervalH>0</autoUpgradeIntervalH>")
	s.WriteString("<stunKeepaliveStartS>0</stunKeepaliveStartS></options>\n</configuration>\n")
	return s.String()
}

// run starts both and waits until they are in sync.
func (m *syncthing) run(ctx context.Context, binary string) error {
	for _, i := range m.instances {
		var err error
		// Without --no-restart there would be a parent that only watches.
		i.process, err = startProgram(ctx, i.home+".log", []string{"STMONITORED=1", "STNODEFAULTFOLDER=1"},
			binary, "serve", "--home", i.home, "--no-browser", "--no-upgrade", "--no-restart")
		if err != nil {
			return err
		}
	}
	var ended error
	err := await(ctx, "Syncthing to be in sync", 10*time.Millisecond, func() bool {
		for n, i := range m.instances {
			if ended = i.process.err(); ended != nil {
				return true
			}
			if !i.inSync(ctx, m.instances[1-n].id) {
				return false
			}
		}
		return true
	})
	return errors.Join(err, ended)
}

// inSync says whether the peer is connected and has all that this one has.
func (i *instance) inSync(ctx context.Context, peer string) bool {
	var connections struct {
		Connections map[string]struct{ Connected bool }
	}
	if i.get(ctx, "system/connections", &connections) != nil || !connections.Connections[peer].Connected {
		return false
	}
	for _, f := range folders {
		var c struct {
			Completion  float64
			RemoteState string
		}
		var st struct{ State string }
		if i.get(ctx, "db/completion?folder="+f+"&device="+peer, &c) != nil || c.Completion != 100 || c.RemoteState != "valid" {
			return false
		}
		if i.get(ctx, "db/status?folder="+f, &st) != nil || st.State != "idle" {
			return false
		}
	}
	return true
}

func (i *instance) get(ctx context.Context, what string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.gui+"/rest/"+what, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

func (m *syncthing) restart(ctx context.Context) (time.Duration, error) {
	binary, err := m.b.buildSyncthing(ctx)
	if err != nil {
		return 0, err
	}
	for _, i := range m.instances {
		i.process.stop()
	}
	begin := time.Now()
	err = m.run(ctx, binary)
	return time.Since(begin), err
}

func (m *syncthing) stop(context.Context) {
	for _, i := range m.instances {
		if i != nil {
			i.process.stop()
		}
	}
	m.remove()
}

// freeAddress is one on which nobody listens now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
