package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// decodeJSON reads one JSON value into v and leaves alone what follows it. Its
// errors are refusals that say where the fault is; an empty body's is io.EOF.
func decodeJSON(r io.Reader, v any, strict bool) error {
	d := json.NewDecoder(r)
	if strict {
		d.DisallowUnknownFields()
	}
	err := d.Decode(v)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	return refuse(http.StatusBadRequest, explainJSON(err))
}

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
