package rest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestJSONLimits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int // 0: none is reached
		word       string
	}{
		{"objects", many(`{"q":[`, "{}", "]}", maxObjects-1), 0, ""},
		{"nulls that stand for objects", many(`{"q":[`, "null", "]}", maxObjects), 0, ""},
		{"one null more", many(`{"q":[`, "null", "]}", maxObjects+1), 413, "262144 elements"},
		{"numbers in their place", many(`{"q":[{},`, "1", "]}", maxObjects), 413, "262144 elements"},
		{"arrays in their place", many(`{"q":[`, "[]", "]}", maxObjects+1), 413, "262144 elements"},
		{"one object more", many(`{"q":[`, "{}", "]}", maxObjects), 413, "262144 objects"},
		{"items", many(`[`, `""`, "]", maxItems), 0, ""},
		{"one item more", many(`[`, `""`, "]", maxItems+1), 413, "4194304 elements"},
		{"items in many arrays", many(`[`, `[1,2,3]`, "]", maxItems/4+1), 413, "4194304 elements"},
		{"empty arrays", many(`[`, `[]`, "]", maxItems+1), 413, "4194304 elements"},
		{"members", many(`{`, `"":1`, "}", maxFields+1), 413, "members"},
		{"deep", strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), 0, ""},
		{"deeper", strings.Repeat("[", maxDepth+1), 400, "32 levels"},
		{"deep objects", strings.Repeat(`{"a":`, maxDepth+1), 400, "32 levels"},
		{"a name", `["` + strings.Repeat("x", maxText) + `"]`, 0, ""},
		{"a longer name", `["` + strings.Repeat("x", maxText+1) + `"]`, 400, "at byte 1 of the JSON is longer than 65536"},
		{"a long name with escapes", `["` + strings.Repeat(`\"`, maxText) + `"]`, 400, "longer"},
		{"a name that does not end", `["` + strings.Repeat("x", maxText+1), 400, "longer"},
		{"a long number", `{"from":` + strings.Repeat("1", maxText+2) + `}`, 400, "longer"},
		{"what is in a string means nothing", `["` + strings.Repeat("[{,", 20_000) + `"]`, 0, ""},
		{"nor what follows", `{}` + strings.Repeat("[", 100), 0, ""},
	} {
		_, err := countJSON([]byte(c.text))
		known, refused := errors.AsType[*refusal](err)
		switch {
		case c.status == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.status != 0 && (!refused || known.status != c.status || !strings.Contains(err.Error(), c.word)):
			t.Errorf("%s: %v, want %d with %q", c.name, err, c.status, c.word)
		}
	}
}

// FuzzCountJSON compares what is counted with what the decoder finds.
func FuzzCountJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,"x\"",{}],"b":{"c":null}} rest`, `[[],[[]],{}]`, `"x"`, `-1.5e7 `, `[`, ` {"a":"\\"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := countJSON([]byte(text))
		if err != nil {
			return
		}
		var v any
		if json.Unmarshal([]byte(text[:found.end]), &v) != nil {
			return
		}
		objects, arrays, items := shape(v)
		// Members of one name are one in the decoded object.
		if found.objects < objects || found.arrays < arrays || found.items < items {
			t.Errorf("%q: counted %+v, there are %d objects, %d arrays, %d items", text, found, objects, arrays, items)
		}
		var first any
		if d := json.NewDecoder(strings.NewReader(text)); d.Decode(&first) != nil {
			t.Errorf("%q: the first value is cut off at %d", text, found.end)
		}
	})
}

func shape(v any) (objects, arrays, items int) {
	var below []any
	switch v := v.(type) {
	case map[string]any:
		objects++
		for _, m := range v {
			below = append(below, m)
		}
	case []any:
		arrays, items = 1, len(v)
		below = v
	}
	for _, b := range below {
		o, a, i := shape(b)
		objects, arrays, items = objects+o, arrays+a, items+i
	}
	return objects, arrays, items
}
