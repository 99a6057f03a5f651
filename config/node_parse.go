package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

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
			line, column := lineColumn(data, syntax.Offset)
			return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
		}
		return nil, err
	}
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	return parseNode(tokens, &node{path: path, file: file}, found)
}

// parseNode reads one value into n.
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

// plainText returns data without the byte order mark that some editors put in front of
// UTF-8. An error names other encodings: to a reader of JSON they are an invalid
// character, which no editor shows.
func plainText(data []byte) ([]byte, error) {
	if rest, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); marked {
		data = rest
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0:
		return nil, errors.New("the text is encoded in UTF-16 or UTF-32, or is no text: save it as UTF-8")
	case !utf8.Valid(data):
		line, column := lineColumn(data, int64(firstInvalid(data))+1)
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

// lineColumn returns line and column, in characters and from 1, of the last of
// the first offset bytes of data.
func lineColumn(data []byte, offset int64) (line, column int) {
	before := data[:max(0, min(int64(len(data)), offset)-1)]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
