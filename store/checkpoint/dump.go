package checkpoint

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"cc-metric-store/store/chunk"
)

// Dump prints a checkpoint, a segment or the file with the eras as lines of JSON: one for each
// header, host, sealed block and end. If the file is damaged, it prints what comes before the
// damage and fails.
func Dump(w io.Writer, path string) error {
	file, err := openFile(path)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	defer file.Close()
	out := bufio.NewWriter(w)
	if err := dump(json.NewEncoder(out), file); err != nil {
		out.Flush()
		return fmt.Errorf("dump %s: %w", path, err)
	}
	return out.Flush()
}

func dump(out *json.Encoder, file *os.File) error {
	header := make([]byte, headerBytes)
	n, err := file.ReadAt(header, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if n == headerBytes && header[4] == kindSegment {
		return dumpSegment(out, file)
	}
	if n == headerBytes && header[4] == kindEras {
		eras, err := parseEras(file)
		if err != nil {
			return err
		}
		return out.Encode(map[string]any{"eras": eras})
	}
	return dumpCheckpoint(out, file)
}

func dumpCheckpoint(out *json.Encoder, file io.Reader) error {
	c := &Contents{}
	first := true
	header := func() (err error) {
		if first {
			err = out.Encode(map[string]any{"header": c.Header})
		}
		first = false
		return err
	}
	err := readFrames(context.Background(), file, c, 1, func(metrics []string, h *Host) error {
		if err := header(); err != nil {
			return err
		}
		return out.Encode(map[string]any{"host": describeHost(metrics, h)})
	})
	if err == nil || !c.Header.Written.IsZero() { // it was read
		err = errors.Join(header(), err)
	}
	if err != nil {
		return err
	}
	return out.Encode(map[string]any{"end": c.End})
}

type hostLine struct {
	Cluster string     `json:"cluster"`
	Host    string     `json:"host"`
	Applied uint64     `json:"applied"`
	Gone    bool       `json:"gone,omitempty"`
	Grids   []gridLine `json:"grids,omitempty"`
}

type gridLine struct {
	Frequency int64        `json:"frequency"`
	Series    []seriesLine `json:"series"`
	Blocks    []blockLine  `json:"blocks"`
}

type seriesLine struct {
	Column  int32  `json:"column"`
	Metric  string `json:"metric"`
	Type    string `json:"type,omitempty"`
	ID      string `json:"type-id,omitempty"`
	Subtype string `json:"stype,omitempty"`
	SubID   string `json:"stype-id,omitempty"`
}

type blockLine struct {
	Start   int64               `json:"start"`
	End     int64               `json:"end"`
	Slots   int                 `json:"slots"`
	Segment string              `json:"segment,omitempty"`
	Offset  int64               `json:"offset,omitempty"`
	Values  map[string][]sample `json:"values,omitempty"` // by column
	Patches []Patch             `json:"patches,omitempty"`
}

// sample is a value in JSON: null for a gap.
type sample float64

// MarshalJSON implements json.Marshaler.
func (s sample) MarshalJSON() ([]byte, error) {
	v := float64(s)
	switch {
	case math.IsNaN(v):
		return []byte("null"), nil
	case math.IsInf(v, 0):
		return strconv.AppendQuote(nil, strconv.FormatFloat(v, 'g', -1, 64)), nil
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
}

func describeHost(metrics []string, h *Host) hostLine {
	line := hostLine{Cluster: h.Cluster, Host: h.Name, Applied: h.Applied, Gone: h.Gone}
	for _, g := range h.Grids {
		out := gridLine{Frequency: g.Frequency}
		for _, s := range g.Series {
			p := h.Parts[s.Part]
			out.Series = append(out.Series, seriesLine{s.Column, metrics[s.Metric], p.Type, p.ID, p.Subtype, p.SubID})
		}
		for _, b := range g.Blocks {
			line := blockLine{Start: b.Start, End: b.End, Slots: b.Slots, Patches: b.Patches}
			switch {
			case b.Open:
				line.Values = describeValues(b.Values, b.Slots)
			case b.isInSegment():
				line.Segment, line.Offset = fileName(b.Ref.Segment, segmentSuffix), b.Ref.Offset
			}
			out.Blocks = append(out.Blocks, line)
		}
		line.Grids = append(line.Grids, out)
	}
	return line
}

func describeValues(g chunk.Group, slots int) map[string][]sample {
	out := map[string][]sample{}
	values := make([]float64, slots)
	for c := range g.All() {
		if g.DecodeRange(values, c, 0) != nil {
			continue
		}
		samples := make([]sample, slots)
		for i, v := range values {
			samples[i] = sample(v)
		}
		out[strconv.Itoa(int(c))] = samples
	}
	return out
}

func describeTotals(k chunk.Keyed, slots int) map[string][]sample {
	out := map[string][]sample{}
	for column, samples := range describeValues(k.Group(), slots) {
		if i, err := strconv.Atoi(column); err == nil {
			out[fmt.Sprintf("%016x", k.Key(i))] = samples
		}
	}
	return out
}

func dumpSegment(out *json.Encoder, file *os.File) error {
	f := openSegment(file.Name())
	if f.file != nil {
		defer f.file.Close()
	}
	if f.err != nil {
		return f.err
	}
	for at := int64(headerBytes); at < f.size; {
		var prefix [prefixBytes]byte
		if _, err := f.file.ReadAt(prefix[:], at); err != nil {
			return fmt.Errorf("at %d: %w: %w", at, err, ErrDamaged)
		}
		p := BlockRef{Offset: at, Length: binary.LittleEndian.Uint32(prefix[:])}
		r, err := f.read(p)
		if err != nil {
			return fmt.Errorf("at %d: %w", at, err)
		}
		err = out.Encode(map[string]any{"block": struct {
			Offset    int64               `json:"offset"`
			Cluster   string              `json:"cluster"`
			Host      string              `json:"host"`
			Frequency int64               `json:"frequency"`
			Start     int64               `json:"start"`
			Slots     int                 `json:"slots"`
			Values    map[string][]sample `json:"values"`
			Totals    map[string][]sample `json:"totals,omitempty"` // by key
		}{at, r.cluster, r.host, r.frequency, r.start, r.slots, describeValues(r.values, r.slots), describeTotals(r.totals, r.slots)}})
		if err != nil {
			return err
		}
		at += prefixBytes + int64(p.Length)
	}
	return nil
}
