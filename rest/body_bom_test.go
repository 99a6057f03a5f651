package rest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
)

func TestByteOrderMarkIsSkipped(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct{ body, want string }{
		{"", ""}, {"a", "a"}, {"ab", "ab"}, {"abc", "abc"}, {"abcd", "abcd"},
		{"\ufeff", ""}, {"\ufeffa", "a"}, {"\ufeffabc\ufeff", "abc\ufeff"}, {"\xef\xbb", "\xef\xbb"}, {"\xef", "\xef"}, {"\xef\xbb\xbe", "\xef\xbb\xbe"},
	} {
		for name, read := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "with the end": iotest.DataErrReader, "halves": iotest.HalfReader,
		} {
			for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, broken} {
				src := io.MultiReader(strings.NewReader(test.body), iotest.ErrReader(end))
				if end == io.EOF {
					src = strings.NewReader(test.body)
				}
				var got bytes.Buffer
				_, err := got.ReadFrom(&bomReader{r: read(src)})
				if end == io.EOF {
					end = nil
				}
				if got.String() != test.want || err != end {
					t.Errorf("%q, %s: %q, %v, want %q, %v", test.body, name, got.String(), err, test.want, end)
				}
			}
		}
	}
}

// TestBodiesWithAMark: what a body is read for, it may begin with a byte order mark.
func TestBodiesWithAMark(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write("a cpu_load 2 1760000040\n")
	bodies := map[string]string{
		"/api/query":              `{"cluster":"alex","from":1760000040,"to":1760000160,"queries":[{"metric":"cpu_load","host":"a"}]}`,
		"/api/healthcheck":        `{"cluster":"alex","nodes":["a"]}`,
		"/api/free?to=1":          `[["alex"]]`,
		"/api/write?cluster=alex": "b cpu_load 7 1760000040\n",
	}
	for path, body := range bodies {
		want := f.send("POST", path, body)
		if want.status != 200 {
			t.Fatalf("%s: %d %s", path, want.status, want.body)
		}
		if a := f.send("POST", path, "\ufeff"+body); a.status != want.status || a.body != want.body {
			t.Errorf("%s: %d %s, without a mark %s", path, a.status, a.body, want.body)
		}
		if a := f.send("POST", path, zip("\ufeff"+body), "Content-Encoding", "gzip"); a.status != want.status || a.body != want.body {
			t.Errorf("%s: %d %s, without a mark %s", path, a.status, a.body, want.body)
		}
	}
}

func zip(text string) string {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(text)) // a buffer takes everything
	_ = z.Close()
	return packed.String()
}
