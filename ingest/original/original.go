// Package original reads the files of ClusterCockpit's metric store: JSON snapshots, binary
// snapshots and write-ahead files, in directories <dir>/<cluster>/<host>. It changes none of
// them. A damaged file costs what cannot be read of it; Report says how much that is. Memory is
// bounded, whatever a file claims.
//
// A snapshot is a tree of levels: the host, its parts (such as hwthread0), and theirs. Each has
// series of an interval and a start. A write-ahead file has one record for each sample.
package original

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the format of a file.
type Kind int

const (
	JSON Kind = iota
	Binary
	WAL
	Parquet // read by another package, see Archive
	kinds
)

func (k Kind) String() string {
	return [...]string{"JSON snapshots", "binary snapshots", "write-ahead files", "Parquet files"}[k]
}

// Series is what a sample belongs to. It is not changed once it is made.
type Series struct {
	Metric, Cluster, Host string
	Part                  Part

	line []byte // of line protocol, up to the value
}

// Sample is one value of a series.
type Sample struct {
	Series *Series
	Time   int64 // Unix seconds
	Value  float64
	single bool // the file has it as float32
}

// isNameable reports whether a line of the line protocol can have the name.
func isNameable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) && !strings.HasSuffix(name, `\`)
}

// newSeries returns nil if no line of the line protocol can name it.
func newSeries(cluster, host, metric string, part Part) *Series {
	for _, name := range []string{cluster, host, metric, part.Type, part.TypeID, part.SubType, part.SubTypeID} {
		if !isNameable(name) {
			return nil
		}
	}
	if metric == "" || metric[0] == '#' {
		return nil
	}
	s := &Series{Metric: metric, Cluster: cluster, Host: host, Part: part}
	s.line = append(s.line, strings.NewReplacer(",", `\,`, " ", `\ `).Replace(metric)...)
	escape := strings.NewReplacer(",", `\,`, " ", `\ `, "=", `\=`)
	for _, tag := range [...]struct{ name, value string }{
		{"cluster", cluster}, {"hostname", host}, {"type", part.Type}, {"type-id", part.TypeID}, {"stype", part.SubType}, {"stype-id", part.SubTypeID},
	} {
		if tag.value != "" {
			s.line = append(append(append(s.line, ','), tag.name...), '=')
			s.line = append(s.line, escape.Replace(tag.value)...)
		}
	}
	s.line = append(s.line, " value="...)
	if len(s.line) > maxKey {
		return nil
	}
	return s
}

// AppendLine appends the sample as a line of the line protocol. What a file has as float32 is
// written with the digits that tell it from other float32: 83.4 becomes 83.4 again, and not
// 83.4000015258789. Rounded to float32 it is the value in the file in any case.
func (s Sample) AppendLine(b []byte) []byte {
	bits, format := 64, byte('g')
	if s.single {
		bits = 32
	}
	if a := math.Abs(s.Value); a == 0 || a >= 1e-6 && a < 1e15 {
		format = 'f' // which is read quickest
	}
	b = append(b, s.Series.line...)
	b = strconv.AppendFloat(b, s.Value, format, -1, bits)
	b = append(b, ' ')
	b = strconv.AppendInt(b, s.Time, 10)
	return append(b, '\n')
}

const (
	// maxFrequency and maxTime, in seconds, bound what a file may say. Times beyond would not be
	// taken for seconds.
	maxFrequency = 31 * 24 * 3600
	maxTime      = math.MaxInt64 / 1_000_000_000
	// maxName bounds a name: one of 16 bits of length.
	maxName = math.MaxUint16
	// maxKey bounds what names a series in a line: a small file must not become many gigabytes
	// of lines.
	maxKey = 1024
)
