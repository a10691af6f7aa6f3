package mcp

import (
	"net/url"
	"reflect"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// Names of files and devices come from peers, and a model reads them. What cannot
// be seen in them (control characters, escape sequences, newlines, marks that
// turn the direction of text) is replaced; where that changed the path of a file,
// the true one stands beside it, percent-encoded.

// filePath names a file of a synced folder.
type filePath struct {
	Path           string `json:"path" jsonschema:"where it is, relative to the root, with slashes"`
	PercentEncoded string `json:"percent_encoded,omitempty" jsonschema:"the exact path, percent-encoded; only there if path had to be altered because it contains characters that cannot be shown"`
}

// pathOf makes the path of a file harmless. p is relative to the root.
func pathOf(p string) filePath {
	clean := term.Clean(p)
	if clean == p {
		return filePath{Path: p}
	}
	return filePath{Path: clean, PercentEncoded: (&url.URL{Path: p}).EscapedPath()}
}

func cleanDevice(d api.Device) api.Device {
	return api.Device{ID: term.Clean(d.ID), Name: term.Clean(d.Name), Role: api.Role(term.Clean(string(d.Role))), Stock: d.Stock}
}

// harmless makes every string in what v points to harmless, and every list one
// that is not null. It goes by the types, so that what a status is to show some
// day is made harmless, too.
func harmless(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			harmless(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				harmless(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			harmless(v.Index(i))
		}
	case reflect.String:
		v.SetString(term.Clean(v.String()))
	}
}
