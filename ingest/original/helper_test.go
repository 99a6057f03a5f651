package original

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// level is a level of a snapshot that a test makes.
type level struct {
	from     int64
	metrics  []metric
	children []child
}

type metric struct {
	name             string
	frequency, start int64
	values           []float32
}

type child struct {
	key string
	level
}

func (l level) json() string {
	text := `{"metrics":{`
	for i, m := range l.metrics {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(`%q:{"frequency":%d,"start":%d,"data":[`, m.name, m.frequency, m.start)
		for i, v := range m.values {
			if i > 0 {
				text += ","
			}
			if math.IsNaN(float64(v)) {
				text += "null"
			} else {
				text += fmt.Sprint(v)
			}
		}
		text += "]}"
	}
	text += `},"children":{`
	for i, c := range l.children {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf("%q:%s", c.key, c.json())
	}
	return text + fmt.Sprintf(`},"from":%d,"to":%d}`, l.from, l.from+1000)
}

func (l level) binary() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, binaryMagic)
	b = le.AppendUint64(b, uint64(l.from))
	b = le.AppendUint64(b, uint64(l.from+100_000))
	return l.appendBinary(b)
}

func (l level) appendBinary(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(len(l.metrics)))
	for _, m := range l.metrics {
		b = append(le.AppendUint16(b, uint16(len(m.name))), m.name...)
		b = le.AppendUint64(b, uint64(m.frequency))
		b = le.AppendUint64(b, uint64(m.start))
		b = le.AppendUint32(b, uint32(len(m.values)))
		for _, v := range m.values {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	}
	b = le.AppendUint32(b, uint32(len(l.children)))
	for _, c := range l.children {
		b = append(le.AppendUint16(b, uint16(len(c.key))), c.key...)
		b = c.appendBinary(b)
	}
	return b
}

// appendRecord appends a record of a write-ahead file.
func appendRecord(b []byte, at int64, metric string, value float32, keys ...string) []byte {
	le := binary.LittleEndian
	p := le.AppendUint64(nil, uint64(at))
	p = append(le.AppendUint16(p, uint16(len(metric))), metric...)
	p = append(p, byte(len(keys)))
	for _, k := range keys {
		p = append(append(p, byte(len(k))), k...)
	}
	p = le.AppendUint32(p, math.Float32bits(value))
	b = le.AppendUint32(b, recordMagic)
	b = le.AppendUint32(b, uint32(len(p)))
	return le.AppendUint32(append(b, p...), crc32.ChecksumIEEE(p))
}

func walHead() []byte { return binary.LittleEndian.AppendUint32(nil, walMagic) }

// write makes a file below a directory.
func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// importFiles reads files of host h of cluster c.
func importFiles(t *testing.T, files map[string][]byte) (sent, *Report) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, dir, "c/h/"+name, content)
	}
	return importAll(t, dir, Config{})
}
