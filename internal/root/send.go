package root

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/botsync/botsync/internal/api"
)

// sendName is the directory below .botsync in which files that are being sent
// are made ready. The engine does not look there.
const sendName = "send"

// SendDir holds files until they are whole.
func (r *Root) SendDir() string { return r.state(sendName) }

// ClearSendDir removes what a daemon that was killed left there.
func (r *Root) ClearSendDir() error {
	errs := []error{os.RemoveAll(r.SendDir())}
	for _, folder := range Folders {
		left, _ := filepath.Glob(filepath.Join(r.Folder(folder), markName, sendName+"-*")) // the pattern is valid
		for _, dir := range left {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// Target is a directory in a folder that files are put into.
type Target struct {
	root   *Root
	folder string
	within string // the folder, slash-separated; "." for itself
	dir    *os.Root
	taken  map[string]bool // names of what is there, as systems see them that do not tell cases apart
}

// Put is a file, symbolic link or empty directory that is in place.
type Put struct {
	Path   string // relative to the root, slash-separated
	Size   int64
	SHA256 string // of the contents, in hex; empty but for a file
	Dir    bool
}

// OpenTarget opens a directory for [Target.Put], and makes it if it is missing:
// a folder or a directory below one, slash-separated. It never leads out of the
// folder. The caller must Close it.
func (r *Root) OpenTarget(to string) (*Target, error) {
	folder, within, err := splitTarget(to)
	if err != nil {
		return nil, err
	}
	base, err := os.OpenRoot(r.Folder(folder))
	if err != nil {
		return nil, unusable(r.dir, err)
	}
	defer base.Close()
	// Not through a link: the engine does not follow one, and nobody would get
	// the files.
	for i, dir := 0, ""; within != "." && i <= strings.Count(within, "/"); i++ {
		dir = path.Join(dir, strings.Split(within, "/")[i])
		if err := base.Mkdir(dir, modeFolder); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, sendError(to, err)
		}
		if info, err := base.Lstat(dir); err != nil {
			return nil, sendError(to, err)
		} else if !info.IsDir() {
			return nil, api.Errorf(api.CodeUsage, "Name a directory with --to.", "%s is not a directory", path.Join(folder, dir))
		}
	}
	t := &Target{root: r, folder: folder, within: within, taken: map[string]bool{}}
	if t.dir, err = base.OpenRoot(within); err != nil {
		return nil, sendError(to, err)
	}
	entries, err := fs.ReadDir(t.dir.FS(), ".")
	if err != nil {
		t.Close()
		return nil, sendError(to, err)
	}
	for _, e := range entries {
		t.taken[fold(e.Name())] = true
	}
	return t, nil
}

// Close releases the directory.
func (t *Target) Close() error { return t.dir.Close() }

// Folder is the folder that holds the target.
func (t *Target) Folder() string { return t.folder }

// splitTarget tells the folder from the rest.
func splitTarget(to string) (folder, within string, err error) {
	bad := func(why string) error {
		return api.Errorf(api.CodeUsage, "Name a folder, or a directory in one: deliverables/reports.", "--to %q %s", to, why)
	}
	if strings.ContainsRune(to, 0) {
		return "", "", bad("contains a NUL byte")
	}
	if path.IsAbs(to) || filepath.IsAbs(to) || filepath.VolumeName(to) != "" {
		return "", "", bad("is an absolute path")
	}
	if slices.Contains(strings.Split(filepath.ToSlash(to), "/"), "..") {
		return "", "", bad("leads upwards")
	}
	folder, within, ok := strings.Cut(path.Clean(filepath.ToSlash(to)), "/")
	if !slices.Contains(Folders, folder) {
		return "", "", bad("is in none of " + strings.Join(Folders, ", "))
	}
	if !ok {
		return folder, ".", nil
	}
	for part := range strings.SplitSeq(within, "/") {
		if err := syncable(part); err != nil {
			return "", "", err
		}
	}
	return folder, within, nil
}

// Put copies a file or directory, whole or not at all, under the given name or,
// where that is taken, one like it. It returns everything that is in place, and the name
// that it has relative to the folder. An error of ctx is returned as it is.
func (t *Target) Put(ctx context.Context, from api.SendSource, name string) (puts []Put, top string, err error) {
	if err := syncable(name); err != nil {
		return nil, "", err
	}
	if name, err = storedName(name); err != nil {
		return nil, "", err
	}
	source, err := t.root.open(from)
	if err != nil {
		return nil, "", err
	}
	defer source.dir.Close()
	for _, stage := range []func() (string, error){t.stage, t.stageBeside} {
		var at string
		if at, err = stage(); err != nil {
			return nil, "", unusable(t.root.dir, err)
		}
		puts, top, err = t.putBy(ctx, at, source, name)
		if rmErr := os.RemoveAll(at); err == nil && rmErr != nil {
			err = rmErr
		}
		if !errors.Is(err, syscall.EXDEV) {
			break
		}
	}
	return puts, top, err
}

// stage makes a directory for one file in .botsync.
func (t *Target) stage() (string, error) {
	if err := os.MkdirAll(t.root.SendDir(), modePrivate); err != nil {
		return "", err
	}
	return os.MkdirTemp(t.root.SendDir(), "")
}

// stageBeside makes one in the folder, for one that is on another disk: below its
// mark, where the engine does not look either.
func (t *Target) stageBeside() (string, error) {
	return os.MkdirTemp(filepath.Join(t.root.Folder(t.folder), markName), sendName+"-")
}

func (t *Target) putBy(ctx context.Context, stage string, from source, name string) ([]Put, string, error) {
	staged := filepath.Join(stage, "file")
	c := &copier{ctx: ctx, from: from.dir}
	if err := c.copy(from.path, staged); err != nil {
		return nil, "", err
	}
	isDir := len(c.puts) > 0 && c.puts[0].Dir
	free, err := t.place(staged, name, isDir)
	if err != nil {
		return nil, "", err
	}
	var out []Put
	for _, p := range c.puts {
		if !p.Dir { // a directory is told by what is in it
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = c.puts[:1]
	}
	for i := range out {
		out[i].Path = path.Join(t.folder, t.within, free, out[i].Path)
	}
	return out, path.Join(t.within, free), nil
}

// maxClashes is how many names like the one wanted are tried.
const maxClashes = 100_000

// place gives what was made ready the first free name.
func (t *Target) place(staged, name string, isDir bool) (string, error) {
	for n := 1; n <= maxClashes; n++ {
		free := numbered(name, n, isDir)
		if t.taken[fold(free)] {
			continue
		}
		err := rename(staged, t.dir, free, isDir)
		if errors.Is(err, fs.ErrExist) {
			t.taken[fold(free)] = true
			continue
		}
		if err != nil {
			return "", sendError(free, err)
		}
		t.taken[fold(free)] = true
		return free, syncDir(t.dir)
	}
	return "", api.Errorf(api.CodeUsage, "Choose another name or directory.", "every name like %q is taken", name)
}

// sendError says what to do about an error while sending name. What a caller asks
// about stays in it.
func sendError(name string, err error) error {
	if errors.Is(err, syscall.EXDEV) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *api.Error
	if errors.As(err, &known) {
		return err
	}
	hint := "Check the directory, or name another one with --to."
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = "Make room and run the command again; what was sent already is in place."
	case errors.Is(err, syscall.ENAMETOOLONG):
		hint = "Choose a shorter name."
	}
	return api.Errorf(api.CodeRootUnusable, hint, "%s cannot be put in place: %v", name, cause(err))
}

var errLeftOut = errors.New("it is neither a file, a directory nor a symbolic link")
