package pairing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// encodeJSON returns v as one line of JSON, without the escapes that only HTML
// needs.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeJSON reads one JSON object into v. Fields that v does not have are
// ignored, for later versions to add.
func decodeJSON(body []byte, v any) error {
	if !utf8.Valid(body) {
		return invalid("the JSON is not UTF-8")
	}
	if len(body) == 0 || body[0] != '{' {
		return invalid("not a JSON object")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// encodeList writes a nil list as an empty one.
func encodeList[T any](list []T) ([]byte, error) {
	if list == nil {
		list = []T{}
	}
	return encodeJSON(list)
}

// decodeList reads a JSON array, or null for none, and stops at the first
// element over the limit.
func decodeList[T any](b []byte, limit int) ([]T, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	start, err := d.Token()
	if err != nil || start == nil {
		return nil, err
	}
	if start != json.Delim('[') {
		return nil, fmt.Errorf("not a list")
	}
	var list []T
	for d.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("more than %d elements in a list", limit)
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
