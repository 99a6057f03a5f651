package original

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Config says what of the files is wanted.
type Config struct {
	// Known returns the interval of a metric in seconds, and false if it is not wanted. Nil: all
	// metrics are.
	Known func(metric string) (frequency int64, ok bool)
	// Before, in Unix seconds, leaves out the samples that are not older. 0: none.
	Before int64
}

// Reader reads the hosts of a tree. Make one with NewReader. It is used by one goroutine, but
// for BytesRead.
type Reader struct {
	tree    *Tree
	cfg     Config
	report  *Report
	bytes   atomic.Int64
	above   map[string]string // levels that have another one above them, by joinNames; "": several
	threads map[string]string // what hardware threads are called, by cluster and metric
	// Of hosts, by joinNames, if there are Parquet files: the phases that checkpoints tell, and what the Parquet files leave
	// for the checkpoints.
	phases   map[string]map[int64]int64
	aligners map[string]*aligner
	held     int // samples that these remember
}

// NewReader opens nothing.
func NewReader(t *Tree, cfg Config) *Reader {
	if cfg.Known == nil {
		cfg.Known = func(string) (int64, bool) { return 0, true }
	}
	return &Reader{tree: t, cfg: cfg, report: newReport(t), above: map[string]string{}, threads: map[string]string{}, phases: map[string]map[int64]int64{}, aligners: map[string]*aligner{}}
}

// Report returns what was read so far. The caller does not change it.
func (r *Reader) Report() *Report { return r.report }

// BytesRead returns how much of Tree.Bytes is behind the reader. It is safe for concurrent use.
func (r *Reader) BytesRead() int64 { return r.bytes.Load() }

// Missing says that the files of a host cannot be listed.
func (r *Reader) Missing(err error) {
	r.report.Unopened++
	r.report.damaged.add(err.Error())
}

// Skip says that the files of a host are not to be read.
func (r *Reader) Skip(files []File) {
	for _, f := range files {
		r.bytes.Add(f.Size)
	}
}

// ReadHost reads files of a host, in the order of Host.Files, and gives each sample to take. After them
// it reads the snapshots that the original has made meanwhile, which have what was in its write-ahead file. It
// returns the error of take, or of ctx; what is wrong with the files is in the report.
func (r *Reader) ReadHost(ctx context.Context, h Host, files []File, take func(Sample) error) error {
	_, err := r.readHost(ctx, h, files, take)
	return err
}

func (r *Reader) readHost(ctx context.Context, h Host, files []File, take func(Sample) error) (*hostReader, error) {
	hr := newHostReader(r, h, take)
	if h.Unclear && r.report.once("unclear host "+h.Dir) {
		r.report.unclear.add(fmt.Sprintf("files in %s, which names no cluster and host: taken for cluster %q, host %q", h.Dir, h.Cluster, h.Name))
	}
	for range maxRounds {
		for _, f := range files {
			if err := hr.readFile(ctx, f, files); err != nil {
				return nil, err
			}
		}
		if files = h.newer(files); len(files) == 0 {
			break
		}
	}
	r.report.addHost(hr)
	return hr, nil
}

// maxRounds bounds how often new snapshots of a host are looked for: one comes in minutes.
const maxRounds = 3

func newHostReader(r *Reader, h Host, take func(Sample) error) *hostReader {
	return &hostReader{r: r, host: h, take: take, series: map[string]*known{}, phases: map[string]phase{}, offsets: map[int64]int64{}, align: r.aligner(h), last: math.MinInt64}
}

// hostReader reads one host. It implements visitor for its snapshots.
type hostReader struct {
	r       *Reader
	host    Host
	take    func(Sample) error
	series  map[string]*known // by keys and metric
	phases  map[string]phase  // by metric
	offsets map[int64]int64   // of known phases, by interval
	align   *aligner          // of series whose phase is not known
	last    int64             // time of the newest sample
	looked  bool              // for phases
	// isArchived says that the samples come of Parquet files.
	isArchived bool

	interval  int64 // the shortest one of the snapshots; 0: there are none
	snapshots int64 // time of their newest sample
	logged    int64 // time of the oldest one in the write-ahead file; 0: there is none

	// Of the file that is read.
	file     File
	snapshot *snapshot
	current  *known
}

// known is a series, as the files name it. Without Series it is not wanted.
type known struct {
	*Series
	metric   string
	unusable bool
}

// maxKnown bounds the series of one host that are remembered.
const maxKnown = 200_000

// readFile reads one file and notes its damage.
func (h *hostReader) readFile(ctx context.Context, f File, all []File) error {
	var stopped error
	emit := func(s Sample) error {
		stopped = h.emit(s)
		return stopped
	}
	h.file, h.snapshot = f, &snapshot{single: f.Kind == Binary, emit: emit, align: h.align}
	err := h.open(ctx, f, all, emit)
	if stopped == nil && f.Kind != WAL {
		_ = h.snapshot.flush() // of a damaged file, too, what was read; its error is in stopped
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case stopped != nil:
		return stopped
	case err != nil:
		h.r.report.damaged.add(fmt.Sprintf("%s (%d bytes): %v", f.Path, f.Size, err))
	}
	h.r.report.Files[f.Kind]++
	return nil
}

func (h *hostReader) open(ctx context.Context, f File, all []File, emit func(Sample) error) error {
	file, err := os.Open(f.Path)
	if err != nil {
		h.r.report.Unopened++
		h.r.bytes.Add(f.Size)
		return err
	}
	defer file.Close()
	in := h.r.count(ctx, file, f)
	defer in.end()
	if f.Kind != WAL {
		h.findPhases(ctx, all)
	}
	switch f.Kind {
	case JSON:
		return readJSON(in, h)
	case Binary:
		return readBinary(in, h)
	}
	return readWAL(in, func(rec *walRecord) error { return h.takeRecord(rec, emit) })
}

// takeRecord takes a record of a write-ahead file.
func (h *hostReader) takeRecord(rec *walRecord, emit func(Sample) error) error {
	if h.logged == 0 {
		h.logged, h.snapshots = max(rec.at, 1), h.last
	}
	var keys []string
	for _, k := range rec.keys {
		keys = append(keys, string(k))
	}
	k := h.find(keys, string(rec.metric))
	value := float64(rec.value)
	if k.Series == nil || math.IsNaN(value) {
		h.refuse(k, value)
		return nil
	}
	return emit(Sample{Series: k.Series, Time: rec.at, Value: value, single: true})
}

// begin implements visitor.
func (h *hostReader) begin(keys []string, metric string, head header) error {
	if err := head.check(metric); err != nil {
		return err
	}
	h.current = h.find(keys, metric)
	if h.interval == 0 || head.frequency < h.interval {
		h.interval = head.frequency
	}
	if interval, ok := h.r.cfg.Known(metric); ok {
		h.r.report.addInterval(metric, head.frequency, interval)
	}
	at, isKnown := h.firstTime(metric, head)
	if err := h.snapshot.begin(h.current.Series, at, head.frequency, !isKnown); err != nil {
		return &stopError{err}
	}
	return nil
}

// value implements visitor.
func (h *hostReader) value(v float64) error {
	if h.current.Series == nil {
		h.refuse(h.current, v)
	}
	return h.snapshot.add(v)
}

// refuse counts a sample that is not wanted.
func (h *hostReader) refuse(k *known, v float64) {
	switch {
	case math.IsNaN(v):
	case k.unusable:
		h.r.report.Unusable++
	default:
		h.r.report.addUnknown(k.metric)
	}
}

// find returns the series of a metric at the level with the keys.
func (h *hostReader) find(keys []string, metric string) *known {
	return h.findPart(strings.Join(keys, "\x00")+"\x00", metric, strings.Join(keys, ", "), func() (Part, bool) {
		h.r.learnAbove(h.host.Cluster, metric, keys)
		h.r.learnThreads(h.host.Cluster, metric, keys)
		return partOf(keys)
	})
}

// findPart returns the series of a metric of a part, which has the id among those of the host, and the
// name for an operator.
func (h *hostReader) findPart(id, metric, name string, part func() (p Part, isClear bool)) *known {
	id += "\x00" + metric
	k := h.series[id]
	if k != nil {
		return k
	}
	if len(h.series) >= maxKnown {
		clear(h.series)
	}
	k = &known{metric: metric}
	h.series[id] = k
	if _, ok := h.r.cfg.Known(metric); !ok {
		return k
	}
	report := h.r.report
	p, isClear := part()
	k.Series = newSeries(h.host.Cluster, h.host.Name, metric, p)
	switch {
	case k.Series == nil:
		k.unusable = true
		h.reportUnusable(id, metric, name)
	case !isClear:
		text := fmt.Sprintf("level %.200q: taken for %s", name, p)
		if h.isArchived {
			text = fmt.Sprintf("scope %.200q: taken for %s; a level above it is not in the file", name, p)
		}
		if report.once(text) {
			report.unclear.add(text)
		}
	}
	return k
}

// reportUnusable notes a series that no line can name, or the host if that is at fault.
func (h *hostReader) reportUnusable(id, metric, name string) {
	report, cluster, host := h.r.report, h.host.Cluster, h.host.Name
	switch {
	case !isNameable(cluster) || !isNameable(host):
		if report.once("unusable host " + joinNames(cluster, host)) {
			report.unclear.add(fmt.Sprintf("host %.100q of cluster %.100q: no line of the line protocol can name it, it is left out", host, cluster))
		}
	case report.once("unusable " + joinNames(cluster, host, id)):
		report.unclear.add(fmt.Sprintf("series %.100q of %.100q, level %.100q: no line of the line protocol can name it, it is left out", metric, filepath.Join(cluster, host), name))
	}
}

// emit checks a sample and hands it on.
func (h *hostReader) emit(s Sample) error {
	report := h.r.report
	switch {
	case math.IsInf(s.Value, 0) || s.Time < 0 || s.Time > maxTime:
		report.Unusable++
		return nil
	case h.r.cfg.Before != 0 && s.Time >= h.r.cfg.Before:
		report.Late++
		return nil
	}
	c := report.cluster(h.host.Cluster)
	if c.Samples == 0 {
		c.From, c.To = s.Time, s.Time
	}
	c.From, c.To = min(c.From, s.Time), max(c.To, s.Time)
	c.Samples++
	report.Samples++
	h.last = max(h.last, s.Time)
	return h.take(s)
}
