// Package promapi answers Prometheus' HTTP API: queries in PromQL, by Prometheus' own engine, and
// what clients ask for beside these, such as the names of series and labels.
//
// A series has the labels __name__ (its metric), cluster, hostname, type, type_id, stype and
// stype_id. type is "node" for a host itself, and labels without a value are absent. What is
// stored is found as it is: a gap is a gap, and nothing is combined. One thing goes beyond
// that: a selector with the matcher type="node" also finds a host's own series where it is made of
// those of its parts, by the rule of /api/query.
package promapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"cc-metric-store/store"
)

// Store is what is asked. All methods are safe for concurrent use. They are documented at
// store.Store, which implements it.
type Store interface {
	SelectIn(ctx context.Context, b store.SelectBounds, matchers ...*store.Matcher) ([]store.SeriesID, error)
	SelectFirst(ctx context.Context, b store.SelectBounds, matchers ...*store.Matcher) (series []store.SeriesID, more bool, err error)
	SelectHosts(ctx context.Context, b store.SelectBounds, matchers ...*store.Matcher) ([]store.SeriesID, error)
	LabelValuesIn(ctx context.Context, b store.SelectBounds, label store.Label, matchers ...*store.Matcher) ([]string, error)
	AppendRuns(ctx context.Context, runs []store.Run, id *store.SeriesID, from, to int64) ([]store.Run, error)
	AppendHostRuns(ctx context.Context, runs []store.Run, id *store.SeriesID, from, to int64) ([]store.Run, error)
	Metrics() []store.NamedMetric
}

// Config bounds what one request may take. The zero value of each field means its default.
type Config struct {
	// Timeout bounds the evaluation of a query. Default 30 s. A request may ask for less.
	Timeout time.Duration
	// MaxSamples is how many samples a query may have in memory at once, of 16 bytes each.
	// Default 20 million.
	MaxSamples int
	// MaxSeries is how many series a request may select in all. Default 200,000.
	MaxSeries int
	// MaxPoints is how many steps a range query may have, of which series have one point more.
	// Default 11,000, which is what clients of Prometheus count on.
	MaxPoints int
	// Lookback is for how long a sample counts when there is no newer one. Default 5 min. It is
	// to be two sampling intervals or more.
	Lookback time.Duration
	// Logger receives faults of the engine. Default: discard.
	Logger *slog.Logger
}

// WithDefaults returns c with the defaults in force.
func (c Config) WithDefaults() Config {
	setDefault(&c.Timeout, 30*time.Second)
	setDefault(&c.MaxSamples, 20_000_000)
	setDefault(&c.MaxSeries, 200_000)
	setDefault(&c.MaxPoints, 11_000)
	setDefault(&c.Lookback, 5*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// validate reports all faults of c at once.
func (c Config) validate() error {
	var faults []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Timeout", int64(c.Timeout)}, {"MaxSamples", int64(c.MaxSamples)}, {"MaxSeries", int64(c.MaxSeries)},
		{"MaxPoints", int64(c.MaxPoints)}, {"Lookback", int64(c.Lookback)},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("%s is below zero", f.name))
		}
	}
	return errors.Join(faults...)
}

// API answers requests below a path of the caller's. Make one with New. It is safe for concurrent
// use; how many requests it answers at once is up to the caller.
type API struct {
	cfg    Config
	store  Store
	engine *promql.Engine
	parser parser.Parser
}

// New returns an API that answers from s, or an error that names all faults of cfg. It starts
// nothing.
func New(cfg Config, s Store) (*API, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure Prometheus' API: %w", err)
	}
	cfg = cfg.WithDefaults()
	p := parser.NewParser(parser.Options{})
	return &API{cfg: cfg, store: s, parser: p, engine: promql.NewEngine(promql.EngineOpts{
		Logger:                   cfg.Logger,
		MaxSamples:               cfg.MaxSamples,
		Timeout:                  cfg.Timeout,
		LookbackDelta:            cfg.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return subqueryStep.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser:                   p,
	})}, nil
}

// ServeHTTP implements http.Handler. The path of the request is the one below the API's own, such as
// "query" or "label/cluster/values". Its parameters are in the URL, and in the body as a form, of
// which the caller bounds the size. An error of writing the answer ends the request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := newAnswer(w)
	if err := a.answer(r, out); err != nil {
		out.fail(r.Context(), err)
	}
	out.flush()
}

// answer answers a request, or returns why it does not. Then nothing was written.
func (a *API) answer(r *http.Request, out *answer) error {
	handle, name := a.endpoint(r.URL.Path)
	if handle == nil {
		return NewError(http.StatusNotFound, fmt.Errorf("there is no endpoint %q: see API.md for those that are", r.URL.Path))
	}
	p, err := readParameters(r)
	if err != nil {
		return err
	}
	p.name = name
	return handle(r.Context(), p, out)
}

// handler answers requests of one endpoint.
type handler func(ctx context.Context, p *parameters, out *answer) error

// IsCheap reports whether the path is one of an endpoint that asks the store for nothing that could
// take long, so that no turn need be waited for.
func IsCheap(path string) bool {
	switch path {
	case "query", "query_range", "series", "labels":
		return false
	}
	return labelName(path) == ""
}
