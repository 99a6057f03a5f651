package rest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// errSlow says that a client was not waited for any longer.
var errSlow = fmt.Errorf("the client is too slow: it is waited for as long as its bytes take at %d KiB/s, and %v more, less when others wait for its place", leastRate>>10, grace)

// client measures how long the client of a request has been waited for, while it
// sends or reads, and bounds it. It is safe for concurrent use; the calls that it
// measures come one after the other.
type client struct {
	conn *http.ResponseController
	now  func() time.Time

	mu sync.Mutex
	// Guarded by mu.
	began   time.Time // of the call that is under way, zero if none is
	reading bool      // it is one that reads
	waited  time.Duration
	moved   int64     // bytes
	cut     bool      // its place was given to another
	last    time.Time // when the answer has to be sent
	sending bool      // the body is not read to its end
}

// clientKey is where a request's context has its client.
const clientKey = "cc-metric-store-client"

func clientOf(c echo.Context) *client { return c.Get(clientKey).(*client) }

// newClient returns the client of a request, and bounds the sending of an answer that
// is not measured.
func newClient(c echo.Context) *client {
	who := &client{
		conn: http.NewResponseController(c.Response().Writer), now: time.Now,
		sending: c.Request().Body != nil && c.Request().Body != http.NoBody,
	}
	c.Set(clientKey, who)
	c.Response().Before(who.answerBegins)
	return who
}

// clients are those whose requests are under way. It is safe for concurrent use.
type clients struct {
	mu  sync.Mutex
	all map[*client]bool // guarded by mu
}

func (c *clients) add(who *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*client]bool{}
	}
	c.all[who] = true
}

func (c *clients) remove(who *client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, who)
}

// giveUp ends the waiting for all clients that are slow.
func (c *clients) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for who := range c.all {
		if _, slow := who.slowness(); slow {
			who.giveUp()
		}
	}
}

// answerBegins is called when an answer is known. What the client is still sending
// is read by the server, which would wait for it.
func (c *client) answerBegins() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	_ = c.conn.SetWriteDeadline(now.Add(smallTimeout))
	if c.sending {
		_ = c.conn.SetReadDeadline(now.Add(restTimeout))
	}
}

// answerEnds bounds the sending of what the server holds back of an answer.
func (c *client) answerEnds() { _ = c.conn.SetWriteDeadline(c.now().Add(smallTimeout)) }

// sentAll notes that the body was read to its end.
func (c *client) sentAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = false
}

// measure does what reads from the client or writes to it, and fails with errSlow if
// it takes too long. The deadlines of a connection are not supported everywhere: an
// error about that means that nobody is waited for.
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
			c.last = c.began.Add(answerTimeout)
		}
		if until.After(c.last) {
			until = c.last
		}
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
		// The server goes on listening whether the client is still there.
		_ = deadline(time.Time{})
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		err = errSlow
	}
	return n, err
}

// slowness returns the bytes a second at which the client has been moving if it is
// being waited for, and too slow for a place that others want: in the call that is
// under way, or in all. What the network holds for it may have looked quick.
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
		_ = c.conn.SetWriteDeadline(time.Unix(1, 0))
	}
}
