package pairing

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// The methods below keep keys out of messages, logs and JSON by accident. They
// are repeated for each type because a struct that embeds one, or has one as a
// field, is printed and marshalled field by field.

// errSecret is the error of marshalling a key.
var errSecret = errors.New("pairing keys are not for show: use Keys.Bytes")

const (
	redactedPlace = "[place]"
	redactedPSK   = "[psk]"
	redactedKeys  = "[keys]"
)

// Format hides the place from fmt.
func (Place) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redactedPlace) }

// LogValue hides the place from logs.
func (Place) LogValue() slog.Value { return slog.StringValue(redactedPlace) }

// MarshalText refuses, so that no JSON can hold the place by accident.
func (Place) MarshalText() ([]byte, error) { return nil, errSecret }

// Format hides the key from fmt.
func (PSK) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redactedPSK) }

// LogValue hides the key from logs.
func (PSK) LogValue() slog.Value { return slog.StringValue(redactedPSK) }

// MarshalText refuses, so that no JSON can hold the key by accident.
func (PSK) MarshalText() ([]byte, error) { return nil, errSecret }

// Format hides the keys from fmt.
func (Keys) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redactedKeys) }

// LogValue hides the keys from logs.
func (Keys) LogValue() slog.Value { return slog.StringValue(redactedKeys) }

// MarshalText refuses, so that no JSON can hold the keys by accident.
func (Keys) MarshalText() ([]byte, error) { return nil, errSecret }
