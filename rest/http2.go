package rest

import (
	"crypto/tls"
	"net/http"
	"slices"
	"time"
)

const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
	// streamWindow is how much of a body may be received before it is asked for: 32 MiB of
	// all together.
	streamWindow = 256 << 10
	// frameBytes is the least that HTTP/2 allows as a bound of a frame.
	frameBytes = 16 << 10
	// stuckAfter is for how long a stream that has to end may wait for what is being
	// written to its connection.
	stuckAfter = time.Second
)

// serveTLS accepts encrypted connections until srv is closed. Some of them may speak
// HTTP/2, see maxHTTP2. Without TLS there is no HTTP/2.
func (s *Server) serveTLS(srv *http.Server) error {
	srv.Protocols.SetHTTP2(true)
	srv.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          maxStreams,
		MaxReadFrameSize:              frameBytes,
		MaxReceiveBufferPerConnection: maxStreams * streamWindow,
		MaxReceiveBufferPerStream:     streamWindow,
		WriteByteTimeout:              smallTimeout,
	}
	one, both := s.tls.Clone(), s.tls.Clone()
	one.NextProtos = []string{protocolHTTP1}
	both.NextProtos = []string{protocolHTTP2, protocolHTTP1}
	srv.TLSConfig = s.tls.Clone()
	srv.TLSConfig.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, protocolHTTP2) && s.conns.obtainHTTP2(ownConnection(hello.Conn)) {
			return both, nil
		}
		return one, nil
	}
	return srv.ServeTLS(s.listener, "", "")
}

// obtainHTTP2 reports whether a connection may speak HTTP/2. It may until it is closed.
func (c *connections) obtainHTTP2(conn *connection) bool {
	if conn == nil {
		return false
	}
	if conn.http2.Load() {
		return true
	}
	if c.http2.Add(1) > maxHTTP2 {
		c.http2.Add(-1)
		return false
	}
	conn.http2.Store(true)
	conn.setHeader(-1) // maxHTTP2 bounds its headers
	return true
}

// releaseHTTP2 is called when a connection is closed. It may be called again.
func (c *connection) releaseHTTP2() {
	if c.http2.Swap(false) {
		c.of.http2.Add(-1)
	}
}

// sharedConnection returns the connection of a request that others may share, nil if none
// may.
func sharedConnection(r *http.Request) *connection {
	if r.ProtoMajor < 2 {
		return nil
	}
	conn, _ := r.Context().Value(connectionKey{}).(*connection)
	return conn
}

// watchStreamLocked closes a shared connection, with all its streams, if the write that is
// under way has not ended stuckAfter its deadline: the stream is reset by then, but that
// waits for what is being written before. The caller holds c.mu.
func (c *client) watchStreamLocked(deadline time.Time) {
	if c.shared == nil {
		return
	}
	wait := max(deadline.Sub(c.now()), 0) + stuckAfter
	if c.stuck == nil {
		c.stuck = time.AfterFunc(wait, func() { _ = c.shared.Close() })
	} else {
		c.stuck.Reset(wait)
	}
}

// leaveStreamLocked says that the write has ended. The caller holds c.mu.
func (c *client) leaveStreamLocked() {
	if c.stuck != nil {
		c.stuck.Stop()
	}
}
