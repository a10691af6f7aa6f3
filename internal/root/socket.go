package root

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/botsync/botsync/internal/api"
)

// maxSocketPath is how long the path of a Unix socket may be everywhere, in
// bytes: sockaddr_un has room for 104 on macOS and for 108 on Linux, with the
// NUL at its end.
const maxSocketPath = 100

// SocketPath is where a daemon of this root listens: .botsync/daemon.sock or,
// where that is too long for a socket, a short path in the user's runtime
// directory, made here if need be. The daemon says in its [LockInfo] which;
// others find it with [Root.Sockets].
func (r *Root) SocketPath() (string, error) {
	path := r.state(socketName)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	sum := sha256.Sum256([]byte(r.dir))
	name := hex.EncodeToString(sum[:8]) + ".sock"
	var last error
	for _, dir := range runtimeDirs() {
		path := filepath.Join(dir, name)
		if len(path) > maxSocketPath {
			last = fmt.Errorf("%s is too long for a socket", path)
			continue
		}
		if last = ensurePrivate(dir); last == nil {
			return path, nil
		}
	}
	return "", api.Errorf(api.CodeRootUnusable, "Name a directory with a shorter path with --root, or set XDG_RUNTIME_DIR.",
		"the path of the root %s is too long for a socket, and there is no other place for one: %v", r.dir, last)
}

// Sockets are the paths at which the daemon may be listening, best first.
func (r *Root) Sockets() []string {
	var paths []string
	if info, err := r.LockInfo(); err == nil && filepath.IsAbs(info.Socket) {
		paths = append(paths, info.Socket)
	}
	// A root that was moved with its daemon running: the socket moved along.
	if own := r.state(socketName); len(own) <= maxSocketPath && (len(paths) == 0 || paths[0] != own) {
		paths = append(paths, own)
	}
	return paths
}

func runtimeDirs() []string {
	var dirs []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Join(dir, "botsync"))
	}
	own := "botsync-" + strconv.Itoa(os.Getuid())
	return append(dirs, filepath.Join(os.TempDir(), own), filepath.Join("/tmp", own))
}

// ensurePrivate makes dir, or checks that the one there is ours alone: in a
// shared temporary directory somebody else may have been first.
func ensurePrivate(dir string) error {
	if err := os.Mkdir(dir, modePrivate); err == nil {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !ownedByUs(info) || !privateMode(info.Mode()) {
		return fmt.Errorf("%s belongs to somebody else or is open to others", dir)
	}
	return nil
}
