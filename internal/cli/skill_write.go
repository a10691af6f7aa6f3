package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/skills"
)

// What writeSkill did.
const (
	skillInstalled = "installed"
	skillRenewed   = "renewed"
	skillUnchanged = "unchanged"
)

// maxSkill bounds a SKILL.md that is looked at, in bytes. Ours has a few thousand.
const maxSkill = 1 << 20

// writeSkill writes the skill into the directory dir of skills, in one step, and
// reports where and what it did. It replaces what botsync wrote, and anything
// else only if force is set.
func writeSkill(dir string, force bool) (path, did string, err error) {
	if dir == "" {
		return "", "", usage("Name a directory.", "the directory is empty")
	}
	dir, err = filepath.Abs(filepath.Join(dir, skills.Name))
	if err != nil {
		return "", "", err
	}
	path = filepath.Join(dir, "SKILL.md")
	want := root.Sign(skills.Botsync)
	did = skillRenewed
	switch have, err := readSkill(path); {
	case errors.Is(err, fs.ErrNotExist):
		did = skillInstalled
	case err != nil:
		return "", "", unwritable(path, err)
	case bytes.Equal(have, want):
		return path, skillUnchanged, nil
	case !force && !root.Unedited(have) && string(have) != skills.Botsync:
		return "", "", api.Errorf(api.CodeRefused, "Run it with --force to replace it, or move it away.",
			"%s was written or edited by somebody else", path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", unwritable(dir, err)
	}
	if err := atomicfile.Write(path, want, 0o644); err != nil {
		return "", "", unwritable(path, err)
	}
	return path, did, nil
}

// readSkill reads a SKILL.md that is there. What is no regular file, such as a
// link to one that a person keeps elsewhere, is as good as edited.
func readSkill(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a directory")
	case !info.Mode().IsRegular() || info.Size() > maxSkill:
		return nil, nil
	}
	return os.ReadFile(path)
}

func unwritable(path string, err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return api.Errorf(api.CodeRootUnusable, "Make it writable for this user, or name another directory: botsync skill install DIR.",
		"the skill cannot be written to %s: %v", path, strings.TrimSpace(err.Error()))
}
