package rest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// connections bounds how many connections are open, and how much memory their headers
// take before there is a request. To make room for a new connection, it closes those on
// which nothing has moved for longest. A client that finds its idle connection closed
// makes a new one, and nobody keeps others out by holding many. It is safe for concurrent
// use. Its mu and that of a connection are never held at once.
type connections struct {
	most   int
	logger *slog.Logger

	headers atomic.Int64 // bytes of headers that are being read, without freeHeader of each
	http2   atomic.Int64 // connections that may speak HTTP/2
	evicted atomic.Int64 // connections that were closed or refused for want of room

	mu sync.Mutex
	// Guarded by mu.
	open   map[*connection]bool
	warned time.Time // when the last warning was logged
	closed int       // connections that were closed or refused since then
}

// connection is an open connection. It is safe for concurrent use.
type connection struct {
	net.Conn
	of    *connections
	moved atomic.Int64 // when bytes were read or written last, in Unix nanoseconds
	http2 atomic.Bool  // it may speak HTTP/2; its headers are not counted

	mu sync.Mutex
	// Guarded by mu.
	header  int64 // bytes read of the header of the next request, -1: it is complete
	charged int64 // how many of them count in connections.headers
}

const (
	// evictions is how many connections are closed at once at the most, as looking for
	// them takes a while. stillFor is for how long nothing has moved on each of them.
	evictions = 64
	stillFor  = time.Second

	// warnInterval is the time between two warnings of one kind.
	warnInterval = time.Minute
)

// errHeaders ends a connection with a long header while there is no memory for it.
var errHeaders = errors.New("too many long headers are being read")

func newConnections(most int, logger *slog.Logger) *connections {
	return &connections{most: most, logger: logger, open: map[*connection]bool{}}
}

// mostConnections returns how many connections may be open: maxConnections, or half of the
// files that the process may have open, as the log and the checkpoints need some.
func mostConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur/2 > maxConnections {
		return maxConnections
	}
	return max(int(files.Cur/2), 1)
}

// listen returns a listener that accepts as many connections as may be open.
func (c *connections) listen(l net.Listener) net.Listener { return boundListener{l, c} }

type boundListener struct {
	net.Listener
	conns *connections
}

// Accept implements net.Listener.
func (l boundListener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &connection{Conn: inner, of: l.conns}
		conn.moved.Store(time.Now().UnixNano())
		if l.conns.add(conn) {
			return conn, nil
		}
		_ = inner.Close() // there is nobody to tell
	}
}

// add adds a connection, for which others may be closed. It returns false if there is no
// room and none can be closed.
func (c *connections) add(conn *connection) bool {
	now := time.Now()
	c.mu.Lock()
	evicted := 0
	if len(c.open) >= c.most {
		evicted = c.evictLocked(now)
	}
	room := len(c.open) < c.most
	if room {
		c.open[conn] = true
	} else {
		evicted++ // the new one
	}
	open, closed, due := len(c.open), 0, false
	if evicted > 0 {
		closed, due = c.countLocked(evicted, now)
	}
	c.mu.Unlock()
	if due { // not under the lock: a logger may stand still
		c.logger.Warn("REST has as many connections as are possible: those on which nothing moves are closed for new ones",
			"open", open, "closed", closed)
	}
	return room
}

// evictLocked closes some of the connections on which nothing has moved for longest, and
// returns how many.
func (c *connections) evictLocked(now time.Time) int {
	type still struct {
		conn *connection
		at   int64
	}
	var found []still
	for conn := range c.open {
		if at := conn.moved.Load(); at < now.Add(-stillFor).UnixNano() {
			found = append(found, still{conn, at})
		}
	}
	slices.SortFunc(found, func(a, b still) int { return cmp.Compare(a.at, b.at) })
	found = found[:min(len(found), evictions, max(c.most/8, 1))]
	for _, s := range found {
		delete(c.open, s.conn)
		_ = s.conn.Conn.Close()
	}
	return len(found)
}

// countLocked counts n connections that were closed or refused. due says that a warning is
// to be logged, of as many as closed since the last one.
func (c *connections) countLocked(n int, now time.Time) (closed int, due bool) {
	c.evicted.Add(int64(n))
	c.closed += n
	if now.Sub(c.warned) < warnInterval {
		return 0, false
	}
	closed, c.warned, c.closed = c.closed, now, 0
	return closed, true
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.setHeader(-1)
	c.releaseHTTP2()
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.moved.Store(time.Now().UnixNano())
		if !c.charge(int64(n)) {
			return 0, errHeaders
		}
	}
	return n, err
}

// Write implements net.Conn.
func (c *connection) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.moved.Store(time.Now().UnixNano())
	}
	return n, err
}

// charge counts n bytes that were read, if a header is being read. It returns false if
// there is no memory for them.
func (c *connection) charge(n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.header < 0 {
		return true
	}
	c.header += n
	over := max(c.header-freeHeader, 0) - c.charged
	if over > 0 && c.of.headers.Add(over) > maxHeaders {
		c.of.headers.Add(-over)
		return false
	}
	c.charged += max(over, 0)
	return true
}

// setHeader says that n bytes of a header are read, -1: none is being read.
func (c *connection) setHeader(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of.headers.Add(-c.charged)
	c.header, c.charged = n, 0
}

// connState is the http.Server.ConnState: it sees the next request begin.
func (c *connections) connState(conn net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		if own := ownConnection(conn); own != nil && !own.http2.Load() {
			own.setHeader(0) // the next request begins
		}
	}
}

// connectionKey is the key of the connection in the context of a request.
type connectionKey struct{}

// connContext is the http.Server.ConnContext: requests know their connection.
func (c *connections) connContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, ownConnection(conn))
}

// headerRead is called when the header of a request is complete.
func (c *connections) headerRead(ctx context.Context) {
	if conn, ok := ctx.Value(connectionKey{}).(*connection); ok && conn != nil {
		conn.setHeader(-1)
	}
}

// breakOff resets the connection of a request. An answer in HTTP/1.0, as proxies ask for it, has
// no other end than that of its connection: closed in order, it would pass for the whole.
func breakOff(ctx context.Context) {
	conn, ok := ctx.Value(connectionKey{}).(*connection)
	if !ok || conn == nil {
		return
	}
	if tcp, ok := conn.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // what fails here is closed already
	}
	_ = conn.Conn.Close() // before TLS ends in order; http.Server closes what is around it
}

// ownConnection returns the connection of ours below one of http.Server, which may be
// encrypted, nil if there is none.
func ownConnection(conn net.Conn) *connection {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	own, _ := conn.(*connection)
	return own
}
