package root

import (
	"errors"
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/pelletier/go-toml/v2"

	"github.com/botsync/botsync/internal/api"
)

// decodeError turns an error of the TOML parser into one that names the line.
func decodeError(path string, err error) error {
	const hint = `Correct that line, or move the file away and run "botsync init", which writes a new one and keeps everything else.`
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		first := &strict.Errors[0]
		line, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		return api.Errorf(api.CodeBadConfig, nearestKey(key), "%s, line %d: there is no setting %q", path, line, key)
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, _ := decode.Position()
		return api.Errorf(api.CodeBadConfig, hint, "%s, line %d: %s", path, line, strings.TrimPrefix(decode.Error(), "toml: "))
	}
	return api.Errorf(api.CodeBadConfig, hint, "%s: %v", path, err)
}

// nearestKey suggests what was meant by a setting that does not exist.
func nearestKey(key string) string {
	keys := configKeys()
	best, distance := "", 4 // beyond three edits it is a guess
	for _, k := range keys {
		if d := levenshtein.ComputeDistance(strings.ToLower(key), k); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return "Did you mean " + best + "?"
	}
	return "Delete that line. The settings are " + strings.Join(keys, ", ") + "."
}

func configKeys() []string { return keysOf(reflect.TypeFor[Config](), "") }

// keysOf lists the settings of a table, those of tables within it with its name.
func keysOf(t reflect.Type, prefix string) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := prefix + f.Tag.Get("toml")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, keysOf(f.Type, key+".")...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}
