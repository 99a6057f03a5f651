package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// node is a JSON value that remembers where it was written, so that whatever
// is found out about it later can be told with its path in the file.
type node struct {
	path string
	file string // the included file, empty for the main one
	// value is nil, bool, string, json.Number, list or object as parsed. The
	// check against the format replaces it by the Go value that the key stands
	// for, or by invalid.
	value any
}

type (
	object map[string]*node
	list   []*node
	// invalid takes the place of a value that has been reported, so that it
	// is neither read nor reported as missing.
	invalid struct{}
)

// at returns the node below n that the keys lead to, or nil.
func (n *node) at(keys ...string) *node {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		members, _ := n.value.(object)
		n = members[key]
	}
	return n
}

// read returns the value that the keys lead to, or absent if there is none of
// this type.
func read[T any](n *node, absent T, keys ...string) T {
	if n = n.at(keys...); n == nil {
		return absent
	}
	if value, ok := n.value.(T); ok {
		return value
	}
	return absent
}

// origin adds to text the included file that n comes from.
func (n *node) origin(text string) string {
	if n.file == "" {
		return text
	}
	return fmt.Sprintf("%s (in %s)", text, n.file)
}

// child makes a node for a key of n, without attaching it.
func (n *node) child(key string, value any) *node {
	return &node{path: keyPath(n.path, key), file: n.file, value: value}
}

// isEmpty tells values that ask for nothing: null, "", 0, false, and
// objects and lists of such values.
func (n *node) isEmpty() bool {
	switch value := n.value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case json.Number:
		number, err := value.Float64()
		return err == nil && number == 0
	case object:
		for _, member := range value {
			if !member.isEmpty() {
				return false
			}
		}
		return true
	case list:
		for _, item := range value {
			if !item.isEmpty() {
				return false
			}
		}
		return true
	default:
		return false
	}
}

func (o object) sortedKeys() []string {
	keys := make([]string, 0, len(o))
	for key := range o {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func keyPath(path, key string) string {
	if key == "" || strings.ContainsFunc(key, needsQuotes) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func needsQuotes(r rune) bool {
	return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// parseJSON turns data into nodes. The paths begin with path; file is the
// included file that data is from. A key that appears twice in one object is
// a fault; the later value is kept for the checks that follow.
func parseJSON(data []byte, path, file string, found *findings) (*node, error) {
	data, err := plainText(data)
	if err != nil {
		return nil, err
	}
	// The token reader below does not check nesting and trailing text, and
	// its errors have no offset.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			if len(bytes.TrimSpace(data)) == 0 {
				err = fmt.Errorf("%w: the file is empty, it has to hold {} at least", err)
			}
			line, column := position(data, syntax.Offset)
			return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
		}
		return nil, err
	}
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	return parseNode(tokens, &node{path: path, file: file}, found)
}

func parseNode(tokens *json.Decoder, n *node, found *findings) (*node, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		members := object{}
		for tokens.More() {
			key, err := tokens.Token()
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			member, err := parseNode(tokens, n.child(name, nil), found)
			if err != nil {
				return nil, err
			}
			if _, twice := members[name]; twice {
				found.fault(member, "the key is given more than once in one object: keep one")
			}
			members[name] = member
		}
		n.value = members
	case json.Delim('['):
		items := list{}
		for tokens.More() {
			item := &node{path: fmt.Sprintf("%s[%d]", n.path, len(items)), file: n.file}
			if item, err = parseNode(tokens, item, found); err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		n.value = items
	default:
		n.value = token
		return n, nil
	}
	_, err = tokens.Token()
	return n, err
}

// plainText returns data without the byte order mark that some editors put in
// front of UTF-8. Other encodings are refused by name: to a reader of JSON they
// are an invalid character, which nobody sees on his screen.
func plainText(data []byte) ([]byte, error) {
	if rest, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); marked {
		data = rest
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0:
		return nil, errors.New("the text is encoded in UTF-16 or UTF-32, or is no text: save it as UTF-8")
	case !utf8.Valid(data):
		line, column := position(data, int64(firstInvalid(data))+1)
		return nil, fmt.Errorf("line %d, column %d: the text is not encoded in UTF-8: save it as UTF-8", line, column)
	}
	return data, nil
}

// firstInvalid returns the offset of the first byte that is no part of a
// character in UTF-8, or the length of data.
func firstInvalid(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// position returns line and column, in characters and from 1, of the last of
// the first offset bytes of data.
func position(data []byte, offset int64) (line, column int) {
	before := data[:max(0, min(int64(len(data)), offset)-1)]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
