package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pieceBytes is about how much text Encoder.Append makes at once.
const pieceBytes = 16 << 10

// Encoder makes text of samples. One goroutine uses it at a time. Make one with NewEncoder.
type Encoder struct {
	format Format
	series Series // whose key is in key
	known  bool
	key    []byte // what comes before the time or the value
}

// NewEncoder returns an encoder of a format.
func NewEncoder(f Format) *Encoder { return &Encoder{format: f} }

// Header returns what comes before all samples.
func (e *Encoder) Header() string {
	if e.format == CSV {
		return "cluster,hostname,metric,type,type-id,stype,stype-id,time,value\n"
	}
	return ""
}

// Append appends the beginning of a row to b, some kilobytes of text, and returns what is left of
// the row: without values if that is nothing. It fails for a name that the format cannot hold.
func (e *Encoder) Append(b []byte, s *Series, r Row) ([]byte, Row, error) {
	if !e.known || e.series != *s {
		if err := e.begin(s); err != nil {
			return b, r, err
		}
	}
	n := min(len(r.Values), max(1, pieceBytes/(len(e.key)+32)))
	if e.format == JSONLines {
		n = min(len(r.Values), pieceBytes/16)
	}
	piece := Row{r.Start, r.Step, r.Values[:n]}
	r.Start, r.Values = r.Start+int64(n)*r.Step, r.Values[n:]
	if e.format == JSONLines {
		return e.appendObject(b, piece), r, nil
	}
	for i, v := range piece.Values {
		if v != v {
			continue
		}
		t := piece.Start + int64(i)*piece.Step
		b = append(b, e.key...)
		if e.format == CSV {
			b = append(strconv.AppendInt(b, t, 10), ',')
			b = appendFloat(b, v)
		} else {
			b = append(appendFloat(b, v), ' ')
			b = strconv.AppendInt(b, t, 10)
		}
		b = append(b, '\n')
	}
	return b, r, nil
}

// begin makes the key of a series.
func (e *Encoder) begin(s *Series) (err error) {
	e.known, e.key = false, e.key[:0]
	switch e.format {
	case LineProtocol:
		e.key, err = AppendLineKey(e.key, s)
	case CSV:
		kind := s.Type
		if kind == "" {
			kind = "node"
		}
		for _, field := range [...]string{s.Cluster, s.Host, s.Metric, kind, s.TypeID, s.Subtype, s.SubtypeID} {
			e.key = append(appendField(e.key, field), ',')
		}
	case JSONLines:
		e.key = append(e.key, '{')
		for _, tag := range [...][2]string{
			{"cluster", s.Cluster}, {"hostname", s.Host}, {"metric", s.Metric}, {"type", s.Type}, {"type-id", s.TypeID}, {"stype", s.Subtype}, {"stype-id", s.SubtypeID},
		} {
			if tag[1] != "" || tag[0] == "cluster" || tag[0] == "hostname" {
				e.key = append(append(append(e.key, '"'), tag[0]...), `":`...)
				e.key = append(appendString(e.key, tag[1]), ',')
			}
		}
	}
	e.series, e.known = *s, err == nil
	return err
}

// AppendLineKey appends what a line of the line protocol has before its value, with the blank and "value=". It
// fails if no line can name the series.
func AppendLineKey(b []byte, s *Series) ([]byte, error) {
	for _, name := range [...]string{s.Cluster, s.Host, s.Metric, s.Type, s.TypeID, s.Subtype, s.SubtypeID} {
		if !utf8.ValidString(name) || strings.HasSuffix(name, `\`) || strings.ContainsFunc(name, isControl) {
			return b, fmt.Errorf("the name %.100q of series %.300q cannot stand in the line protocol", name, *s)
		}
	}
	if s.Metric == "" || s.Metric[0] == '#' {
		return b, fmt.Errorf("a metric named %.100q cannot stand in the line protocol", s.Metric)
	}
	b = appendEscaped(b, s.Metric, ", ")
	kind := s.Type
	if kind == "" {
		kind = "node"
	}
	for _, tag := range [...][2]string{
		{"cluster", s.Cluster}, {"hostname", s.Host}, {"stype", s.Subtype}, {"stype-id", s.SubtypeID}, {"type", kind}, {"type-id", s.TypeID},
	} {
		if tag[1] != "" {
			b = append(append(append(b, ','), tag[0]...), '=')
			b = appendEscaped(b, tag[1], ", =")
		}
	}
	return append(b, " value="...), nil
}

// isControl are the characters that the line protocol does not have.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func appendEscaped(b []byte, s, special string) []byte {
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return b
}

// appendField appends a field of CSV.
func appendField(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && s == strings.TrimSpace(s) {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// appendFloat appends the shortest digits that are this float64, and no other.
func appendFloat(b []byte, v float64) []byte { return AppendValue(b, v, 64) }

// AppendValue appends the shortest digits that are this float64, or with 32 bits this float32, and no other.
func AppendValue(b []byte, v float64, bits int) []byte {
	format := byte('g')
	if a := math.Abs(v); a == 0 || a >= 1e-6 && a < 1e15 {
		format = 'f'
	}
	return strconv.AppendFloat(b, v, format, -1, bits)
}

func (e *Encoder) appendObject(b []byte, r Row) []byte {
	first, last := -1, -1
	for i, v := range r.Values {
		if v == v {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return b
	}
	b = append(append(b, e.key...), `"interval":`...)
	b = append(strconv.AppendInt(b, r.Step, 10), `,"start":`...)
	b = append(strconv.AppendInt(b, r.Start+int64(first)*r.Step, 10), `,"values":[`...)
	for i, v := range r.Values[first : last+1] {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case v != v:
			b = append(b, "null"...)
		case math.IsInf(v, 0): // of files of other programs alone
			b = strconv.AppendQuote(b, strconv.FormatFloat(v, 'g', -1, 64))
		default:
			b = appendFloat(b, v)
		}
	}
	return append(b, "]}\n"...)
}
