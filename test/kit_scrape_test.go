package test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrapes holds what a Prometheus would of /metrics of some nodes. It implements storage.Queryable.
type scrapes struct {
	t      *testing.T
	series map[string][]chunks.Sample // by the text of their labels
}

// scrape adds what /metrics of the node says, as if it were that time.
func (s *scrapes) scrape(n *node, job string, at time.Time) {
	s.t.Helper()
	a := n.send("GET", "/metrics", "")
	if a.status != 200 {
		s.t.Fatalf("/metrics: %d", a.status)
	}
	for line := range strings.Lines(a.body + "up 1\n") {
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || end < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			s.t.Fatalf("/metrics: %q: %v", line, err)
		}
		of, err := parser.NewParser(parser.Options{}).ParseMetric(line[:end])
		if err != nil {
			s.t.Fatalf("/metrics: %q: %v", line, err)
		}
		b := labels.NewBuilder(of)
		b.Set("job", job)
		b.Set("instance", strings.TrimPrefix(n.URL, "http://"))
		key := b.Labels().String()
		s.series[key] = append(s.series[key], scraped{at.UnixMilli(), value})
	}
}

// rows evaluates an expression, and returns how many rows the result has.
func (s *scrapes) rows(text string, at time.Time) int {
	s.t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: patience, Parser: parser.NewParser(parser.Options{})})
	q, err := engine.NewInstantQuery(s.t.Context(), s, nil, text, at)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	defer q.Close()
	result := q.Exec(s.t.Context())
	vector, err := result.Vector()
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return len(vector)
}

// Querier implements storage.Queryable.
func (s *scrapes) Querier(int64, int64) (storage.Querier, error) { return scrapesQuerier{s}, nil }

type scrapesQuerier struct{ *scrapes }

// Select implements storage.Querier.
func (s scrapesQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &scrapedSet{}
	for text, samples := range s.series {
		of, err := parser.NewParser(parser.Options{}).ParseMetric(text)
		if err != nil {
			return storage.ErrSeriesSet(err)
		}
		matches := true
		for _, m := range matchers {
			matches = matches && m.Matches(of.Get(m.Name))
		}
		if matches {
			set.all = append(set.all, storage.NewListSeries(of, samples))
		}
	}
	return set
}

func (s scrapesQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (s scrapesQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (s scrapesQuerier) Close() error { return nil }

// scrapedSet implements storage.SeriesSet.
type scrapedSet struct {
	all []storage.Series
	at  int
}

func (s *scrapedSet) Next() bool                        { s.at++; return s.at <= len(s.all) }
func (s *scrapedSet) At() storage.Series                { return s.all[s.at-1] }
func (s *scrapedSet) Err() error                        { return nil }
func (s *scrapedSet) Warnings() annotations.Annotations { return nil }

// scraped implements chunks.Sample.
type scraped struct {
	at    int64 // milliseconds
	value float64
}

func (s scraped) T() int64                      { return s.at }
func (s scraped) ST() int64                     { return 0 }
func (s scraped) F() float64                    { return s.value }
func (s scraped) H() *histogram.Histogram       { return nil }
func (s scraped) FH() *histogram.FloatHistogram { return nil }
func (s scraped) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s scraped) Copy() chunks.Sample           { return s }
