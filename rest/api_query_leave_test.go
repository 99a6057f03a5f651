package rest

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// left is a store whose queries begin when their client has left.
type left struct {
	*store.Store
	entered chan struct{}
	series  atomic.Int64
	result  chan error
}

func (l *left) QueryEach(ctx context.Context, q *store.Query, use func(*store.Series) error) error {
	l.entered <- struct{}{}
	<-ctx.Done()
	err := l.Store.QueryEach(ctx, q, func(s *store.Series) error {
		l.series.Add(1)
		return use(s)
	})
	l.result <- err
	return err
}

// TestQueryStopsWithItsClient leaves within a query: the store makes no series any more.
func TestQueryStopsWithItsClient(t *testing.T) {
	l := &left{entered: make(chan struct{}, 9), result: make(chan error, 9)}
	f := start(t, Config{}, l)
	l.Store = f.store
	f.write(samples("n1/core/0", "flops", 1))
	conn, err := net.Dial("tcp", f.server.addr())
	if err != nil {
		t.Fatal(err)
	}
	one := `{"metric":"flops","host":"n1","type":"core","type-ids":["0","1","2"]}`
	body := `{"cluster":"alex","from":1760000040,"to":1760000100,"queries":[` + one + "," + one + `]}`
	if _, err := io.WriteString(conn, "POST /api/query HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	<-l.entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-l.result; !errors.Is(err, context.Canceled) {
		t.Errorf("the query ended with %v", err)
	}
	testkit.Eventually(t, "the request to end", func() bool { return strings.Contains(f.lines.String(), "id=left") })
	if n := l.series.Load(); n != 0 || len(l.entered) > 0 {
		t.Errorf("%d series were made, and %d queries begun afterwards", n, len(l.entered))
	}
	if !strings.Contains(f.lines.String(), "status=499") {
		t.Errorf("logged: %s", f.lines)
	}
}
