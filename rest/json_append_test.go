package rest

import (
	"encoding/json"
	"testing"
)

func TestString(t *testing.T) {
	for _, s := range []string{"", "cpu_load", "a b~", `q"uote`, `back\slash`, "tab\t", "<&>", "é", "\xff", "\u2028", "\x7f"} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendString(nil, s)); got != string(want) {
			t.Errorf("%q is written as %s, want %s", s, got, want)
		}
	}
}
