package config

import (
	"encoding/json"
	"fmt"
)

// kind is the type of a value in the file. The comments name the Go type that stands for
// it in a checked tree.
type kind int

const (
	text       kind = iota // string
	flag                   // bool
	integer                // int64
	float                  // float64
	duration               // time.Duration
	size                   // int64, bytes
	section                // object with the keys of the field
	dictionary             // object with keys of the operator's own, each an element
	items                  // list of elements
	anything
)

func (k kind) String() string {
	return [...]string{
		"text in quotes", "true or false", "a whole number", "a number", wantedDuration, wantedSize,
		"an object", "an object", "a list", "anything",
	}[k]
}

// field describes what may stand at one place of a format.
type field struct {
	kind kind
	// wanted says in an error what would be right, if kind is too general.
	wanted string
	// keys are those of a section.
	keys map[string]field
	// element describes each value of a dictionary or list.
	element *field
	// name checks the keys of a dictionary.
	name func(string) error
	// valid checks the converted value; for objects and lists after
	// everything in them.
	valid func(any) error
	// required, if not empty, says what to give; the key must be there.
	required string
	// unsupported says why the key is refused, unless its value asks for nothing.
	unsupported string
	// ineffective says why the key changes nothing, unless its value asks for nothing.
	ineffective string
}

// on makes a field.valid of a check of one type.
func on[T any](valid func(T) error) func(any) error {
	return func(value any) error {
		if v, ok := value.(T); ok {
			return valid(v)
		}
		return nil
	}
}

// convert returns the Go value that a parsed value stands for.
func (f field) convert(value any) (any, error) {
	switch v := value.(type) {
	case string:
		switch f.kind {
		case text:
			return v, nil
		case duration:
			return parseDuration(v)
		case size:
			return parseSize(v)
		}
	case json.Number:
		switch f.kind {
		case integer:
			return parseInteger(v)
		case float:
			return parseFloat(v)
		case size:
			return parseSize(v.String())
		}
	case bool:
		if f.kind == flag {
			return v, nil
		}
	case object:
		if f.kind == section || f.kind == dictionary {
			return v, nil
		}
	case list:
		if f.kind == items {
			return v, nil
		}
	}
	if f.kind == anything {
		return value, nil
	}
	wanted := f.wanted
	if wanted == "" {
		wanted = f.kind.String()
	}
	// The value itself stays out of the message: it may be a password.
	return nil, fmt.Errorf("found %s, wanted %s", describe(value), wanted)
}

func describe(value any) string {
	switch value.(type) {
	case bool:
		return "true or false"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case object:
		return "an object"
	case list:
		return "a list"
	default:
		return "null"
	}
}
