package rest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// errSlow ends the reading or writing of a client that is not waited for any longer.
var errSlow = fmt.Errorf("the client is too slow: it is waited for as long as its bytes take at %d KiB/s, and %v more, less when others wait for its place", leastRate>>10, grace)

// client measures for how long the client of a request has been waited for, while it
// sends or reads, and bounds that. It is safe for concurrent use, but the calls that it
// measures come one after the other.
//
// Lock order: the mu of clients or of a gate, then that of a client.
type client struct {
	conn   *http.ResponseController
	shared *connection // with other requests; nil over HTTP/1.1
	now    func() time.Time

	mu sync.Mutex
	// Guarded by mu.
	began   time.Time     // when the call under way began, zero if none is
	reading bool          // the call under way reads
	waited  time.Duration // in all calls that have ended
	moved   int64         // bytes, in all calls that have ended
	cut     bool          // it is not waited for any more, as others want its place
	last    time.Time     // when the answer has to be sent, zero before its first byte
	sending bool          // the body is not read to its end
	most    time.Duration // that an answer may take from its first byte on
	stuck   *time.Timer   // see watchStreamLocked
}

// clientKey is the key of a request's client in its echo.Context.
const clientKey = "cc-metric-store-client"

// clientOf returns the client of a request.
func clientOf(c echo.Context) *client { return c.Get(clientKey).(*client) }

// newClient makes the client of a request, which clientOf returns from then on. The sending
// of an answer that is not measured is bounded as well.
func newClient(c echo.Context) *client {
	cl := &client{
		conn: http.NewResponseController(c.Response().Writer), shared: sharedConnection(c.Request()), now: time.Now, most: answerTimeout,
		sending: c.Request().Body != nil && c.Request().Body != http.NoBody,
	}
	c.Set(clientKey, cl)
	c.Response().Before(cl.answerBegins)
	return cl
}

// clients is the set of those whose requests are under way. It is safe for concurrent use.
type clients struct {
	mu  sync.Mutex
	all map[*client]bool // guarded by mu
}

func (c *clients) add(cl *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*client]bool{}
	}
	c.all[cl] = true
}

func (c *clients) remove(cl *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, cl)
}

// giveUp ends the waiting for all slow clients.
func (c *clients) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for cl := range c.all {
		if _, slow := cl.slowness(); slow {
			cl.giveUp()
		}
	}
}

// answerBegins is called before the header of an answer is sent. It bounds the sending of
// the answer, and the reading of what the client still sends, for which http.Server would
// wait.
func (c *client) answerBegins() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	_ = c.conn.SetWriteDeadline(now.Add(smallTimeout))
	if c.sending {
		_ = c.conn.SetReadDeadline(now.Add(leftoverTimeout))
	}
}

// answerEnds bounds the sending of what http.Server has buffered of an answer.
func (c *client) answerEnds() { _ = c.conn.SetWriteDeadline(c.now().Add(smallTimeout)) }

// allow lets the answer take so long from its first byte on. It is called before that.
func (c *client) allow(most time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = most
}

// sentAll says that the body was read to its end.
func (c *client) sentAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = false
}

// measure calls do, which reads from the client or writes to it, and fails with errSlow
// if that takes too long. Errors of setting a deadline are ignored: a response writer
// without deadlines has no client that could be slow.
func (c *client) measure(reading bool, do func() (int, error)) (int, error) {
	deadline := c.conn.SetWriteDeadline
	if reading {
		deadline = c.conn.SetReadDeadline
	}
	c.mu.Lock()
	if c.cut {
		c.mu.Unlock()
		return 0, errSlow
	}
	c.began, c.reading = c.now(), reading
	until := c.began.Add(grace + time.Duration(float64(c.moved)/leastRate*float64(time.Second)) - c.waited)
	if !reading {
		if c.last.IsZero() {
			c.last = c.began.Add(c.most)
		}
		if until.After(c.last) {
			until = c.last
		}
		c.watchStreamLocked(until)
	}
	_ = deadline(until)
	c.mu.Unlock()

	n, err := do()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited += c.now().Sub(c.began)
	c.moved += int64(n)
	c.began = time.Time{}
	if reading {
		// http.Server goes on reading, to see whether the client is still there.
		_ = deadline(time.Time{})
	} else {
		c.leaveStreamLocked()
		if err != nil && c.shared != nil && (c.cut || !c.now().Before(until)) {
			err = errSlow // of a stream that was reset there is no better error
		}
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		err = errSlow
	}
	return n, err
}

// slowness reports whether the client is being waited for and is too slow for a place
// that others want, and the rate, in bytes a second, at which it sends or reads. The call
// under way counts by itself, too: earlier ones may have been quick for what the network
// buffered.
func (c *client) slowness() (rate float64, slow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.IsZero() || c.cut {
		return 0, false
	}
	current := c.now().Sub(c.began)
	waited := c.waited + current
	switch {
	case waited < shortGrace:
		return 0, false
	case current >= shortGrace:
		return 1 / current.Seconds(), true
	}
	rate = float64(c.moved) / waited.Seconds()
	return rate, rate < pressedRate
}

// giveUp ends the call that is under way, and all that follow, with errSlow.
func (c *client) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	switch {
	case c.began.IsZero():
	case c.reading:
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	default:
		c.watchStreamLocked(c.now())
		_ = c.conn.SetWriteDeadline(time.Unix(1, 0))
	}
}
