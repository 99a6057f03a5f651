package rest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// queryRequest is the body of a query. A switch that is absent or null is on.
type queryRequest struct {
	Cluster string `json:"cluster"`
	From    int64  `json:"from"`
	To      int64  `json:"to"`

	Queries []queryItem `json:"queries"`
	// ForAllNodes asks for these metrics of every host of the cluster.
	ForAllNodes []string `json:"for-all-nodes"`

	WithStats   *bool `json:"with-stats"`
	WithData    *bool `json:"with-data"`
	WithPadding *bool `json:"with-padding"`

	// ResampleAlgo names the way to a resolution, see resamplingOf.
	ResampleAlgo string `json:"resample-algo"`
}

type queryItem struct {
	Metric     string   `json:"metric"`
	Host       string   `json:"host"`
	Type       string   `json:"type"`
	TypeIDs    []string `json:"type-ids"`
	Subtype    string   `json:"subtype"`
	SubtypeIDs []string `json:"subtype-ids"`
	Resolution int64    `json:"resolution"`
	ScaleBy    float64  `json:"scale-by"`
	Aggregate  bool     `json:"aggreg"`
	// From and To are the window of this query, by default that of the request.
	From *int64 `json:"from"`
	To   *int64 `json:"to"`

	cost int // at the most, once it is checked: see setCost
}

// off reports whether a switch is off.
func off(b *bool) bool { return b != nil && !*b }

// query answers /api/query. See API.md for the request and the answer.
func (a *api) query(c echo.Context) error {
	a.setCompleteUntil(c)
	b, err := a.openBody(c, false)
	if err != nil {
		return err
	}
	defer b.close()
	req, err := a.readQuery(b)
	if err != nil {
		return err
	}
	how, err := resamplingOf(req.ResampleAlgo)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	q := &queryRun{store: a.store, req: req, answerer: newRowAnswerer(a.store, req, how), helpers: a.helpers}
	// The status is sent before the last series is read, so what can be wrong
	// with the request comes first.
	ctx := c.Request().Context()
	if err := q.check(ctx); err != nil {
		return err
	}
	if q.reply, err = a.newReply(c); err != nil {
		return err
	}
	q.answerer.reply = q.reply
	defer q.reply.release()
	if q.large() {
		if q.turn, err = a.enterQueries(c, q.cost); err != nil {
			return err
		}
		defer func() { q.turn.leave() }()
	}
	if err := q.run(ctx); err != nil {
		return err
	}
	return q.reply.finish()
}

// headerCompleteUntil is the field with the time up to which an answer is complete, in Unix
// seconds.
const headerCompleteUntil = "X-Complete-Until"

// setCompleteUntil puts that time into the header of the answer, before the store is read: what comes meanwhile may
// be in the answer or not.
func (a *api) setCompleteUntil(c echo.Context) {
	c.Response().Header().Set(headerCompleteUntil, strconv.FormatInt(max(a.log.CompleteUntil().Unix(), 0), 10))
}

// readQuery reads a request.
func (a *api) readQuery(b *body) (*queryRequest, error) {
	text, found, err := a.readJSON(b)
	if err != nil {
		return nil, err
	}
	req := &queryRequest{Queries: make([]queryItem, 0, found.objects)} // which spares encoding/json copies, too
	if decodeQuery(text, req) {
		return req, nil
	}
	return req, parseJSON(text, req, false)
}

// resamplingOf returns what the name of an algorithm stands for.
func resamplingOf(name string) (store.Resampling, error) {
	switch name {
	case "", "lttb":
		return store.ResampleLTTB, nil
	case "average":
		return store.ResampleAverage, nil
	case "simple":
		return store.ResampleSimple, nil
	}
	return 0, fmt.Errorf("resample-algo %q is not known: give lttb, average or simple", clip(name))
}

// enterQueries waits for the turn of a request that takes long and costs so much, for up to
// patience. The caller leaves the turn.
func (a *api) enterQueries(c echo.Context, cost int) (*turn, error) {
	return a.enterGate(c, a.gates.queries, float64(min(cost, turnCost)), "large requests")
}

// enterGate waits for the turn of a request at a gate, for up to patience. what names the requests of this
// gate. The caller leaves the turn.
func (a *api) enterGate(c echo.Context, g *gate, work float64, what string) (*turn, error) {
	t, err := g.enterFor(c.Request().Context(), clientOf(c), patience, work)
	if err != nil {
		return nil, busy(c.Request().Context(), err, fmt.Sprintf("%d %s are being answered, and others wait", g.places, what))
	}
	return t, nil
}

// queryRun answers the queries of one request. Each of them is a row of the answer, and so is
// each metric and host that for-all-nodes stands for.
type queryRun struct {
	store    Store
	req      *queryRequest
	hosts    []string    // what for-all-nodes stands for
	forHosts []queryItem // for each metric of for-all-nodes the query without its host

	cells  int // how many are answered at the most, at least one for each query
	series int // how many are answered at the most, at least one for each query
	runs   int // how many one query touches at the most, see store.Cost
	// allRuns is how many all of them touch.
	allRuns int
	rows    int // queries that were checked
	// cost is the cost of all rows, and helpCost of those that helpers may make.
	cost, helpCost int

	turn     *turn // nil: the request is small
	reply    *reply
	answerer *rowAnswerer // of the goroutine of the request
	helpers  *helpers
}

// countRows returns the number of rows of the answer.
func (q *queryRun) countRows() int { return len(q.req.Queries) + len(q.hosts)*len(q.req.ForAllNodes) }

// row returns the query of a row. It may be in room, until the next call.
func (q *queryRun) row(n int, room *queryItem) *queryItem {
	if n < len(q.req.Queries) {
		return &q.req.Queries[n]
	}
	n -= len(q.req.Queries)
	metrics := len(q.req.ForAllNodes)
	*room = q.forHosts[n%metrics]
	room.Host = q.hosts[n/metrics]
	return room
}

// run appends the answer.
func (q *queryRun) run(ctx context.Context) error {
	r := q.reply
	r.buf = append(r.buf, '{')
	if len(q.hosts) > 0 {
		if err := q.echo(q.hosts); err != nil {
			return err
		}
	}
	r.buf = append(r.buf, `"results":[`...)
	if err := q.answerRows(ctx); err != nil {
		return err
	}
	r.buf = append(r.buf, "]}\n"...)
	return nil
}

// echo appends the queries that for-all-nodes stands for.
func (q *queryRun) echo(hosts []string) error {
	r := q.reply
	r.buf = append(r.buf, `"queries":[`...)
	for i, host := range hosts {
		for j, metric := range q.req.ForAllNodes {
			if i+j > 0 {
				r.buf = append(r.buf, ',')
			}
			r.buf = append(r.buf, `{"metric":`...)
			r.buf = appendString(r.buf, metric)
			r.buf = append(r.buf, `,"host":`...)
			r.buf = appendString(r.buf, host)
			r.buf = append(r.buf, `,"resolution":0,"aggreg":false}`...)
			if err := r.spill(); err != nil {
				return err
			}
		}
	}
	r.buf = append(r.buf, "],"...)
	return nil
}

// yield lets requests that wait go first if this one has lasted.
func (q *queryRun) yield(ctx context.Context, row int) (err error) {
	if q.turn, err = q.turn.yield(ctx); err != nil {
		return fmt.Errorf("answer query %d: %w", row, err)
	}
	return nil
}

// rowAnswerer appends rows to a reply. It is used by one goroutine.
type rowAnswerer struct {
	store      Store
	req        *queryRequest
	resampling store.Resampling
	reply      *reply
	query      store.Query // see storeQuery

	use    func(*store.Series) error // appends a series: see appendSeries
	series int                       // of the row so far
	sent   error                     // of sending them
}

// newRowAnswerer returns one that has no reply yet.
func newRowAnswerer(s Store, req *queryRequest, how store.Resampling) *rowAnswerer {
	w := &rowAnswerer{store: s, req: req, resampling: how}
	w.use = w.appendSeries // once, and not for each row
	return w
}

// answer appends the answer of one query, which is a row.
func (w *rowAnswerer) answer(ctx context.Context, row int, item *queryItem) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("answer query %d: %w", row, err)
	}
	r := w.reply
	if row > 0 {
		r.buf = append(r.buf, ',')
	}
	r.buf = append(r.buf, '[')
	w.series, w.sent = 0, nil
	err := w.store.QueryEach(ctx, w.storeQuery(item), w.use)
	switch {
	case w.sent != nil:
		return w.sent
	case err == nil:
	case ctx.Err() != nil: // the store may have stopped for it
		return fmt.Errorf("answer query %d: %w", row, ctx.Err())
	default:
		r.errorObject(err)
	}
	r.buf = append(r.buf, ']')
	return r.spill()
}

// appendSeries appends a series of the row.
func (w *rowAnswerer) appendSeries(s *store.Series) error {
	r := w.reply
	if w.series++; w.series > 1 {
		r.buf = append(r.buf, ',')
	}
	if w.sent = r.series(s, !off(w.req.WithStats)); w.sent == nil {
		w.sent = r.spill()
	}
	return w.sent
}

// storeQuery returns the query that the item stands for, until its next call.
func (w *rowAnswerer) storeQuery(item *queryItem) *store.Query {
	req, one := w.req, &w.query
	*one = store.Query{
		Cluster:    req.Cluster,
		Host:       item.Host,
		Metric:     item.Metric,
		Type:       item.Type,
		TypeIDs:    item.TypeIDs,
		Subtype:    item.Subtype,
		SubtypeIDs: item.SubtypeIDs,
		Aggregate:  item.Aggregate,
		Scale:      item.ScaleBy,
		Resolution: max(item.Resolution, 0),
		Resampling: w.resampling,
		From:       req.From,
		To:         req.To,
		Unpadded:   off(req.WithPadding),
		NoData:     off(req.WithData),
		NoStats:    off(req.WithStats),
	}
	if item.From != nil {
		one.From = *item.From
	}
	if item.To != nil {
		one.To = *item.To
	}
	return one
}
