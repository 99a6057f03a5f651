// Package lineproto makes batches for the store of lines of the InfluxDB line
// protocol.
//
// A sender repeats its lines with other numbers, so the keys of lines (all before
// the number) are looked up in a SeriesCache instead of being parsed. Only a line
// whose key is not there is parsed by the line-protocol library, and its key is
// learnt once the store has accepted the sample.
package lineproto

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

const (
	// MaxLine is the length in bytes of the longest line that is read.
	MaxLine = 64 << 10
	// MaxTags is the largest number of tags of a line that is stored.
	MaxTags = 64
)

// Decoder turns the lines of an entry of the log into batches, one for each host. It
// is used by one goroutine at a time; several may share a SeriesCache.
type Decoder struct {
	store     *store.Store
	unknown   *UnknownMetrics
	tolerance time.Duration // samples further ahead of their entry are refused
	build     batchBuilder
	fast      fastPath // writes into build, too

	// Of the entry.
	out            *Decoded
	era            store.Era
	isClusterValid bool // the default cluster is UTF-8

	// Of the newest line.
	line   parsedLine
	metric []byte // its name
}

// NewDecoder returns a Decoder for a store. It uses what the cache has learnt; without
// a cache, which may be nil, it parses all lines. Samples that lie further than
// the tolerance ahead of their entry are refused.
func NewDecoder(s *store.Store, cache *SeriesCache, tolerance time.Duration) *Decoder {
	d := &Decoder{store: s, tolerance: tolerance, build: newBatchBuilder()}
	d.fast = fastPath{cache: cache, build: &d.build, tolerance: tolerance}
	if d.unknown = new(UnknownMetrics); cache != nil {
		d.unknown = &cache.unknown
	}
	return d
}

// Decode reads the lines of data into out, which is new or was Reset. Lines without a
// cluster belong to the given one, lines without a timestamp to at, the time of the
// entry in the log. out refers to data: see Decoded.
func (d *Decoder) Decode(data []byte, cluster string, at time.Time, out *Decoded) {
	d.begin(data, cluster, at, out)
	defer d.end()
	d.decode(data, 1, cluster, at)
}

// DecodeShares is Decode for an entry of the lines of several writers: out.Shares says what
// became of those of each. ends are where they end in data: each behind a newline that is not
// inside a quoted text, the last one at the end of data.
func (d *Decoder) DecodeShares(data []byte, ends []int, cluster string, at time.Time, out *Decoded) {
	d.begin(data, cluster, at, out)
	defer d.end()
	number, from := 1, 0
	for _, end := range ends {
		d.build.beginShare(number)
		number = d.decode(data[from:end], number, cluster, at)
		d.fast.leave() // the next share may go on with the same host
		from = end
	}
}

// decode reads lines, of which the first one has the given number, and returns the number of the
// one behind them.
func (d *Decoder) decode(data []byte, number int, cluster string, at time.Time) (next int) {
	// dec reads all lines that follow as long as it and nextLine are sure to cut the data in
	// the same way (isPlain). Otherwise each line gets a decoder of its own.
	var dec *lineprotocol.Decoder
	plain, asked := false, false
	for rest := data; len(rest) > 0; {
		if rest[0] == '\n' {
			rest = rest[1:]
			number++
			continue
		}
		if left, lines := d.fast.read(rest); lines > 0 {
			rest, dec = left, nil
			number += lines
			continue
		}
		if hasMark(rest) {
			rest, dec = TrimMarks(rest), nil
			continue
		}
		if !asked {
			plain, asked = isPlain(rest), true
		}
		line, left, newlines := nextLine(rest)
		d.line = parsedLine{}
		switch {
		case len(line) > MaxLine: // whatever it holds: a writer does not read on to know
			dec = nil
			d.refuse(line, number, &lineError{TooLong, fmt.Sprintf("%d bytes are more than the limit of %d", len(line), MaxLine)})
		case isBlank(line) || !plain && isComment(line):
		case isFieldless(line) && line[0] != '#':
			dec = nil
			d.refuse(line, number, errFieldless)
		default:
			switch {
			case !plain:
				dec = lineprotocol.NewDecoderWithBytes(line)
			case dec == nil:
				dec = lineprotocol.NewDecoderWithBytes(rest)
			}
			if dec.Next() { // else a comment
				d.decodeLine(dec, line, number, cluster, at)
			}
		}
		rest = left
		number += newlines
	}
	return number
}

// begin prepares for an entry.
func (d *Decoder) begin(data []byte, cluster string, at time.Time, out *Decoded) {
	d.out, d.isClusterValid = out, utf8.ValidString(cluster)
	d.era = d.store.Era(at)
	out.Bytes, out.At = len(data), at.Unix()
	d.build.begin(out)
	d.fast.begin(defaultCluster{d.era, cluster}, at)
}

// end ends an entry.
func (d *Decoder) end() {
	d.fast.end()
	d.build.end()
	d.out = nil
}

// isPlain reports whether every newline of data ends a line, and every line
// that is not blank holds something to decode.
func isPlain(data []byte) bool {
	return bytes.IndexByte(data, '"') < 0 && bytes.IndexByte(data, '\r') < 0 && bytes.IndexByte(data, '#') < 0
}

// refuse records a line that is not stored. What is wrong is put into words only for the lines
// that are kept, as that takes longer than to decode a good line.
func (d *Decoder) refuse(line []byte, number int, err error) {
	why := reasonOf(err)
	f := Fault{Line: number, Reason: why, Text: line}
	if d.out.wants(why) {
		f.Detail = describe(line, err)
		f.Cluster, f.Host = d.line.cluster, d.line.host
	}
	d.out.Refuse(f)
}
