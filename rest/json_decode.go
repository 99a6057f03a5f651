package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// decodeJSON decodes the first JSON value of the body into v. Its errors are refusals; that of
// an empty body wraps io.EOF. A strict one refuses unknown fields.
func (a *api) decodeJSON(b *body, v any, strict bool) error {
	text, _, err := a.readJSON(b)
	if err != nil {
		return err
	}
	return parseJSON(text, v, strict)
}

// readJSON reads the body up to the end of its first JSON value. What follows the value is
// left alone. What is too much is refused before it takes memory, and what it is decoded to
// has its turn when readJSON returns. Its errors are refusals.
func (a *api) readJSON(b *body) (text []byte, found contents, err error) {
	if text, err = b.text(a.gates); err != nil {
		return nil, contents{}, err
	}
	if found, err = countJSON(text); err != nil {
		return nil, contents{}, err
	}
	if err := b.reserve(a.gates, found); err != nil {
		return nil, contents{}, err
	}
	return text[:found.end], found, nil
}

// parseJSON is decodeJSON for what readJSON returned. Its refusals say where the fault is.
func parseJSON(text []byte, v any, strict bool) error {
	if err := unmarshal(text, v, strict); err != nil {
		return refuse(http.StatusBadRequest, explainJSON(err))
	}
	return nil
}

// unmarshal decodes a value as a json.Decoder would. json.Unmarshal, which is faster, does
// it where the two differ in nothing but the error of a text that breaks off.
func unmarshal(text []byte, v any, strict bool) error {
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) == 0 {
		return io.EOF
	} else if strict || start[0] != '{' && start[0] != '[' {
		d := json.NewDecoder(bytes.NewReader(text))
		if strict {
			d.DisallowUnknownFields()
		}
		return d.Decode(v)
	}
	err := json.Unmarshal(text, v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Error() == endOfInput {
		return io.ErrUnexpectedEOF
	}
	return err
}

// endOfInput is the error text of encoding/json for a text that breaks off.
const endOfInput = "unexpected end of JSON input"

// explainJSON returns an error that says where the fault is and what would be right.
func explainJSON(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("invalid JSON at byte %d: %w", syntax.Offset, err)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		where := "the body"
		if kind.Field != "" {
			where = fmt.Sprintf("field %q", kind.Field)
		}
		return fmt.Errorf("%s at byte %d: got %s, want %s", where, kind.Offset, kind.Value, jsonKind(kind.Type))
	}
	switch err {
	case io.EOF:
		return fmt.Errorf("the body is empty, JSON is expected: %w", err)
	case io.ErrUnexpectedEOF:
		return fmt.Errorf("the body ends within the JSON: %w", err)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// jsonKind names what a Go type looks like in JSON.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int64:
		return "an integer"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return jsonKind(t.Elem())
	}
	return t.String()
}
