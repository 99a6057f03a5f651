package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cc-metric-store/rest/page"
	"cc-metric-store/store"
)

// addPage adds the page at / and what it asks for. Who does not ask for HTML at / gets the text.
func (a *api) addPage(e *echo.Echo, get []string, welcome echo.HandlerFunc) error {
	files, err := page.New()
	if err != nil {
		return err
	}
	add(e, "/", get, func(c echo.Context) error {
		c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
		if strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/html") {
			files.ServeIndex(c.Response(), c.Request())
			return nil
		}
		return welcome(c)
	})
	add(e, "/page/:file", get, func(c echo.Context) error {
		if !files.ServeFile(c.Response(), c.Request(), c.Param("file")) {
			return refuse(http.StatusNotFound, errNotFound)
		}
		return nil
	})
	a.endpoint(e, "page/status", classQuery, get, a.pageStatus)
	a.endpoint(e, "page/refused", classQuery, get, a.pageRefused)
	a.endpoint(e, "page/clusters", classQuery, get, a.pageClusters, a.requireView)
	a.endpoint(e, "page/hosts", classQuery, get, a.pageHosts, a.requireView)
	a.endpoint(e, "page/host", classQuery, get, a.pageHost, a.requireView)
	return nil
}

// How long an answer of the page serves others who ask the same, so that many viewers cost no
// more than one.
const (
	statusAge = time.Second
	hostsAge  = 5 * time.Second
)

// pageStatus answers /api/page/status, also while queries are not answered yet.
func (a *api) pageStatus(c echo.Context) error {
	ctx := c.Request().Context()
	body, err := a.states.get(ctx, "", statusAge, func() ([]byte, error) { return json.Marshal(a.status()) })
	if err != nil {
		return fmt.Errorf("describe the state: %w", err)
	}
	return a.answerJSON(c, body)
}

// pageRefused answers /api/page/refused.
func (a *api) pageRefused(c echo.Context) error {
	lines, err := a.page.Refused(c.Request().Context())
	if err != nil {
		return refuse(http.StatusServiceUnavailable, err)
	}
	body, err := json.Marshal(struct {
		Lines []RefusedLine `json:"lines"`
	}{orEmpty(lines)})
	if err != nil {
		return fmt.Errorf("encode the refused lines: %w", err)
	}
	return a.answerJSON(c, body)
}

// orEmpty returns a list that is not null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// clusterEntry is a cluster with the number of its hosts.
type clusterEntry struct {
	Cluster string `json:"cluster"`
	Hosts   int    `json:"hosts"`
}

// pageClusters answers /api/page/clusters. The store bounds their number.
func (a *api) pageClusters(c echo.Context) error {
	list := []clusterEntry{}
	for _, name := range a.store.Clusters() {
		list = append(list, clusterEntry{name, a.store.CountHosts(name)})
	}
	body, err := json.Marshal(struct {
		Clusters []clusterEntry `json:"clusters"`
	}{list})
	if err != nil {
		return fmt.Errorf("encode the clusters: %w", err)
	}
	return a.answerJSON(c, body)
}

// hostList are the states of hosts, one list for each field of store.HostState: for 10,000 hosts
// that is a third of the bytes of objects.
type hostList struct {
	Cluster string   `json:"cluster"`
	LeftOut int      `json:"left-out"` // hosts behind the first maxListed
	Hosts   []string `json:"hosts"`
	Newest  []int64  `json:"newest"`
	Fresh   []int    `json:"fresh"`
	Stale   []int    `json:"stale"`
	Missing []int    `json:"missing"`
	Series  []int    `json:"series"`
}

// stateCost is what the state of a host costs, in the unit of enterQueries.
const stateCost = 16 * seriesCost

// pageHosts answers /api/page/hosts.
func (a *api) pageHosts(c echo.Context) error {
	cluster, err := nameParameter(c, "cluster")
	if err != nil {
		return err
	}
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	if n := a.store.CountHosts(cluster); n > smallHosts {
		// Until the answer is sent: so few of them are in memory, however slowly they are read.
		t, err := a.enterQueries(c, n*stateCost)
		if err != nil {
			return err
		}
		defer t.leave()
	}
	ctx := c.Request().Context()
	body, err := a.hosts.get(ctx, cluster, hostsAge, func() ([]byte, error) {
		states, err := a.store.HostStates(ctx, cluster)
		if err != nil {
			return nil, fmt.Errorf("judge the hosts of cluster %q: %w", cluster, err)
		}
		return json.Marshal(listHosts(cluster, states))
	})
	if err != nil {
		return err
	}
	return r.finishTagged(body)
}

// maxListed bounds the hosts of an answer.
const maxListed = 50_000

func listHosts(cluster string, states []store.HostState) hostList {
	n := min(len(states), maxListed)
	l := hostList{cluster, len(states) - n, make([]string, n), make([]int64, n), make([]int, n), make([]int, n), make([]int, n), make([]int, n)}
	for i, s := range states[:n] {
		l.Hosts[i], l.Newest[i], l.Fresh[i], l.Stale[i], l.Missing[i], l.Series[i] = s.Host, s.Newest, s.Fresh, s.Stale, s.Missing, s.Series
	}
	return l
}

// nameParameter returns a parameter that is a name, which may be empty.
func nameParameter(c echo.Context, name string) (string, error) {
	value := c.QueryParam(name)
	if len(value) > maxName {
		return "", refuse(http.StatusBadRequest, fmt.Errorf("the parameter %s has %d bytes, at most %d are possible", name, len(value), maxName))
	}
	return value, nil
}

// answerJSON sends a small answer that is made.
func (a *api) answerJSON(c echo.Context, body []byte) error {
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	return r.finishTagged(body)
}

// finishTagged sends an answer that is made, or 304 to a client that has it.
func (r *reply) finishTagged(body []byte) error {
	h := r.c.Response().Header()
	tag := page.Tag(body)
	h.Set("ETag", tag)
	h.Set(echo.HeaderCacheControl, "private, no-cache")
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	if r.c.Request().Header.Get("If-None-Match") == tag {
		return r.c.NoContent(http.StatusNotModified)
	}
	if err := r.join(&reply{buf: body}); err != nil {
		return err
	}
	r.buf = append(r.buf, '\n')
	return r.finish()
}
