package root

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
)

// notifyName is the file that holds where notifications go. It holds secrets.
const notifyName = "notify.json"

// Limits of a target.
const (
	maxTargets   = 20
	maxURL       = 2048 // bytes
	maxToken     = 4096 // bytes
	maxCommand   = 32 << 10
	maxTimeLimit = 24 * time.Hour
)

// DefaultOpenClawURL is where a gateway on this machine takes hooks.
const DefaultOpenClawURL = "http://127.0.0.1:18789/hooks/agent"

// SecretPrefix begins the secret of a webhook, as Standard Webhooks has it:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const SecretPrefix = "whsec_"

type notifyFile struct {
	Schema  int                `json:"schema"`
	Targets []api.NotifyTarget `json:"targets"`
}

// NotifyPath is the file that holds where notifications go.
func (r *Root) NotifyPath() string { return r.state(notifyName) }

// NotifyTargets reads where notifications go, in the order in which that was
// said. The [api.Error] for a file that cannot be read names it.
func (r *Root) NotifyTargets() ([]api.NotifyTarget, error) {
	data, err := os.ReadFile(r.NotifyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var targets []api.NotifyTarget
	if err == nil {
		targets, err = decodeTargets(data)
	}
	if err != nil {
		return nil, api.Errorf(api.CodeDamaged, `Put back a copy, or move it away and name the targets again: "botsync notify --help".`,
			"%s cannot be used: %v", r.NotifyPath(), err)
	}
	return targets, nil
}

func decodeTargets(data []byte) ([]api.NotifyTarget, error) {
	var file notifyFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if file.Schema != api.Schema {
		return nil, fmt.Errorf("it is of schema %d, made by another botsync", file.Schema)
	}
	seen := map[string]bool{}
	for _, t := range file.Targets {
		if err := ValidateTarget(t); err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("there are two targets %q", t.Name)
		}
		seen[t.Name] = true
	}
	return file.Targets, nil
}

// SaveNotifyTargets writes where notifications go. Only the daemon calls it.
func (r *Root) SaveNotifyTargets(targets []api.NotifyTarget) error {
	if len(targets) > maxTargets {
		return api.Errorf(api.CodeUsage, `Switch one off: "botsync notify off NAME".`, "there are %d targets already", maxTargets)
	}
	data, err := json.MarshalIndent(notifyFile{api.Schema, targets}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(r.NotifyPath(), append(data, '\n'), modeSecret)
}

// ValidateTarget refuses a target that cannot work. No message contains a token
// or secret.
func ValidateTarget(t api.NotifyTarget) error {
	if err := validateTargetName(t.Name); err != nil {
		return err
	}
	switch t.Kind {
	case api.NotifyOpenClaw:
		if err := validateHookURL("hook", t.URL, DefaultOpenClawURL); err != nil {
			return err
		}
		return ValidateToken(t.Token)
	case api.NotifyWebhook:
		if err := validateHookURL("webhook", t.URL, "https://example.com/hook"); err != nil {
			return err
		}
		if t.Secret == "" {
			return nil // the daemon draws one
		}
		_, err := WebhookKey(t.Secret)
		return err
	case api.NotifyExec:
		return validateCommand(t)
	}
	return badTarget("Choose openclaw, webhook or exec.", "there is no kind of target %q", t.Kind)
}

func badTarget(hint, format string, args ...any) error {
	return api.Errorf(api.CodeUsage, hint, format, args...)
}

func validateTargetName(name string) error {
	const hint = "Choose a short name of letters, digits, - and _."
	if name == "" || len(name) > MaxName {
		return badTarget(hint, "the name of the target has %d characters", len(name))
	}
	if i := strings.IndexFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}); i >= 0 || name[0] == '-' {
		return badTarget(hint, "%q is no name for a target", name)
	}
	return nil
}

// validateHookURL refuses what cannot be posted to: http or https, a host, and no
// user name, password or fragment. what is the word for it in messages.
func validateHookURL(what, raw, example string) error {
	err := error(nil)
	if len(raw) > maxURL {
		err = badTarget("Give a shorter one.", "the URL has %d characters", len(raw))
	} else {
		err = validateURL(what, raw, example, "http", "https")
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		return api.Errorf(api.CodeUsage, e.Hint, "%s", e.Message)
	}
	return err
}

// ValidateToken refuses what cannot be sent as a bearer token (RFC 6750, 2.1):
// nothing, and anything but visible ASCII characters.
func ValidateToken(token string) error {
	const hint = "Take the value of hooks.token in OpenClaw's configuration."
	switch i := strings.IndexFunc(token, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsGraphic(c) || c == ' ' }); {
	case token == "":
		return badTarget(hint, "the token is empty")
	case len(token) > maxToken:
		return badTarget(hint, "the token has %d characters", len(token))
	case i >= 0 && strings.ContainsRune("\r\n", rune(token[i])):
		return badTarget(hint, "the token has more than one line")
	case i >= 0:
		return badTarget(hint, "the token contains a space, a control character or one that is not ASCII, at character %d", i+1)
	}
	return nil
}

// WebhookKey returns the key of a webhook's secret: 24 to 64 bytes.
func WebhookKey(secret string) ([]byte, error) {
	const hint = "A secret is whsec_ and 24 to 64 bytes in base64."
	encoded, ok := strings.CutPrefix(secret, SecretPrefix)
	if !ok {
		return nil, badTarget(hint, "the secret of the webhook does not begin with %s", SecretPrefix)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, badTarget(hint, "the secret of the webhook is damaged")
	}
	return key, nil
}

func validateCommand(t api.NotifyTarget) error {
	size := 0
	for _, arg := range t.Command {
		size += len(arg)
	}
	switch {
	case len(t.Command) == 0 || t.Command[0] == "":
		return badTarget("Give a program and its arguments after --.", "there is no command to run")
	case slices.ContainsFunc(t.Command, func(arg string) bool { return strings.ContainsRune(arg, 0) }):
		return badTarget("Leave it out.", "the command contains a null character")
	case size > maxCommand:
		return badTarget("Put it into a script.", "the command has %d characters", size)
	case t.TimeLimit < 0 || t.TimeLimit > maxTimeLimit:
		return badTarget("Give a time such as 60s.", "the time limit %s is not between 0 and %s", t.TimeLimit, maxTimeLimit)
	}
	return nil
}
