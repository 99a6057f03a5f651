package promapi

import (
	"context"
	"encoding/json"
	"net/http"
)

// answer is an answer under construction. Encoders append to buf, and call spill from time to
// time. It belongs to one goroutine.
type answer struct {
	buf   []byte
	w     http.ResponseWriter
	sent  bool // some of it
	fault error
}

// chunkBytes is the size from which on a part of an answer is sent.
const chunkBytes = 32 << 10

func newAnswer(w http.ResponseWriter) *answer {
	return &answer{w: w, buf: make([]byte, 0, 4<<10)}
}

// begin begins an answer with data, which the caller appends.
func (a *answer) begin() { a.buf = append(a.buf, `{"status":"success","data":`...) }

// notes are what the client is told besides the data.
type notes struct{ warnings, infos []string }

// end ends an answer.
func (a *answer) end(n notes) {
	for _, of := range []struct {
		name  string
		texts []string
	}{{"warnings", n.warnings}, {"infos", n.infos}} {
		if len(of.texts) == 0 {
			continue
		}
		a.buf = append(a.buf, `,"`...)
		a.buf = append(a.buf, of.name...)
		a.buf = append(a.buf, `":`...)
		a.strings(of.texts)
	}
	a.buf = append(a.buf, "}\n"...)
}

// spill sends buf if it fills a chunk. It returns false if the answer need not go on: the client
// cannot be reached.
func (a *answer) spill(ctx context.Context) bool {
	if a.fault == nil && len(a.buf) >= chunkBytes {
		if a.fault = ctx.Err(); a.fault == nil {
			a.flush()
		}
	}
	return a.fault == nil
}

// flush sends buf.
func (a *answer) flush() {
	if a.fault != nil || len(a.buf) == 0 {
		return
	}
	if !a.sent {
		a.sent = true
		a.w.Header().Set("Content-Type", "application/json")
	}
	_, a.fault = a.w.Write(a.buf)
	a.buf = a.buf[:0]
}

// fail makes an error the answer, of which nothing was sent.
func (a *answer) fail(ctx context.Context, err error) {
	if a.sent {
		return
	}
	known, ok := evaluationError(ctx, err).(*Error)
	if !ok {
		return
	}
	a.sent = true
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(known.Status)
	a.buf = append(a.buf[:0], ErrorBody(known.Status, known)...)
}

// string appends a JSON string. Bytes that are no UTF-8 become U+FFFD.
func (a *answer) string(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // every string has a JSON form
			}
			a.buf = append(a.buf, quoted...)
			return
		}
	}
	a.buf = append(a.buf, '"')
	a.buf = append(a.buf, s...)
	a.buf = append(a.buf, '"')
}

// strings appends an array of strings.
func (a *answer) strings(list []string) {
	a.buf = append(a.buf, '[')
	for i, s := range list {
		if i > 0 {
			a.buf = append(a.buf, ',')
		}
		a.string(s)
	}
	a.buf = append(a.buf, ']')
}
