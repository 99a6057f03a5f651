package lineproto

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func allLines(data string) (lines []string, newlines int) {
	for rest := []byte(data); len(rest) > 0; {
		var line []byte
		var n int
		line, rest, n = nextLine(rest)
		lines = append(lines, string(line))
		newlines += n
	}
	return lines, newlines
}

func TestNextLine(t *testing.T) {
	tests := []struct{ name, data, want string }{ // want: lines separated by |
		{"plain", "a v=1\nb v=2\n", "a v=1|b v=2"},
		{"no newline at the end", "a v=1\nb v=2", "a v=1|b v=2"},
		{"blank lines", "\n\na v=1\n", "||a v=1"},
		{"string", "a s=\"x\"\nb v=1\n", "a s=\"x\"|b v=1"},
		{"newline in a string", "a s=\"x\ny\",t=\"\n\" 12\nb v=1\n", "a s=\"x\ny\",t=\"\n\" 12|b v=1"},
		{"escaped quote in a string", "a s=\"x\\\"\ny\"\nb v=1\n", "a s=\"x\\\"\ny\"|b v=1"},
		{"escaped backslash ends a string", "a s=\"x\\\\\"\nb v=1\n", "a s=\"x\\\\\"|b v=1"},
		{"quote in a tag", "a,h=\"x v=1\nb v=2\n", "a,h=\"x v=1|b v=2"},
		{"quote in an escaped tag", "a,h=\\ \"x v=1\nb v=2\n", "a,h=\\ \"x v=1|b v=2"},
		{"quote in a measurement", "\"a v=1\nb v=2\n", "\"a v=1|b v=2"},
		{"quote in a comment", "# it's \"x\nb v=2\n", "# it's \"x|b v=2"},
		{"quote in the middle of a value", "a v=1\"x\nb v=2\n", "a v=1\"x|b v=2"},
		{"open quote", "a s=\"x\nb v=1\nc v=2\n", "a s=\"x|b v=1|c v=2"},
		{"open quote closed by a later line's", "a s=\"x\nb s=\"y\" 1\nc v=2\n", "a s=\"x|b s=\"y\" 1|c v=2"},
		{"open quote and a later string", "a s=\"x\nb v=1\nc s=\"y\nz\" 1\nd v=2\n", "a s=\"x|b v=1|c s=\"y\nz\" 1|d v=2"},
		{"open quote closed before a blank", "a s=\"x\nb s=\" y\" 1\nc v=2\n", "a s=\"x|b s=\" y\" 1|c v=2"},
		{"open value closed before a newline", "a value=\"x\nb s=\"\ny\" 1\nc v=2\n", "a value=\"x|b s=\"\ny\" 1|c v=2"},
		{"string longer than a line may be", "a s=\"x\nb v=1\n" + strings.Repeat("c", MaxLine) + "\"\n", "a s=\"x|b v=1|" + strings.Repeat("c", MaxLine) + "\""},
		{"string at the end of the data", "a s=\"x\ny\"", "a s=\"x\ny\""},
		{"CR LF", "a v=1\r\nb v=2\r\n", "a v=1\r|b v=2\r"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, newlines := allLines(test.data)
			if s := strings.Join(got, "|"); s != test.want {
				t.Errorf("got %.200q, want %.200q", s, test.want)
			}
			if want := strings.Count(test.data, "\n"); newlines != want {
				t.Errorf("%d newlines, want %d", newlines, want)
			}
		})
	}
}

// FuzzNextLine checks what the decoder and the writer rely on: nothing is lost,
// all newlines are counted, and a cut at the last complete line changes no line,
// wherever the data comes to an end for now.
func FuzzNextLine(f *testing.F) {
	for _, s := range []string{"", "\n", "a v=1\nb v=2", "a s=\"x\ny\"\nb v=1\n", "a s=\"x\nb v=1\n", "# \"\n\\\n", "a,h=\\ x s=\"\\\"\n\" 1\n\"\n",
		"a s=\"x\ny\",t=\"z\nb\"\n", "a s=\"x\nb s=\" y\nz\" 1\nc v=2\n", "a\\\\ s=\"q v=1\nb v=2\n\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, newlines := allLines(string(data))
		joined := strings.Join(lines, "\n")
		if bytes.HasSuffix(data, newline) {
			joined += "\n"
		}
		if joined != string(data) {
			t.Fatalf("the lines of %q make %q", data, joined)
		}
		if want := bytes.Count(data, newline); newlines != want {
			t.Fatalf("%d newlines in %q, want %d", newlines, data, want)
		}
		for k := range min(len(data), 200) + 1 { // where a chunk may end
			cut := CompleteLines(data[:k])
			if cut < 0 || cut > k || cut > 0 && data[cut-1] != '\n' {
				t.Fatalf("cut of %q at %d", data[:k], cut)
			}
			head, _ := allLines(string(data[:cut]))
			tail, _ := allLines(string(data[cut:]))
			if apart := append(head, tail...); !slices.Equal(apart, lines) {
				t.Fatalf("the lines of %q are %q, cut at %d they are %q", data, lines, cut, apart)
			}
		}
	})
}
