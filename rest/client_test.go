package rest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// deadlines is a ResponseWriter that notes the deadlines of its connection.
type deadlines struct {
	*httptest.ResponseRecorder

	mu          sync.Mutex
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = append(d.read, t)
	return nil
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write = append(d.write, t)
	return nil
}

// testClient returns the client of a request at a time that the test moves.
func testClient(now *time.Time) (*client, *deadlines) {
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	c := newClient(echo.New().NewContext(httptest.NewRequest("POST", "/", http.NoBody), d))
	c.now = func() time.Time { return *now }
	return c, d
}

// TestAClientHasGraceAndItsRate moves bytes as fast as the least rate: that goes on
// for ever, and what is slower comes to its end.
func TestAClientHasGraceAndItsRate(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		bytes int
		every time.Duration
		calls int // until the next one has no time left, 0: never
	}{
		{1, 20 * time.Second, 2},
		{leastRate, time.Second, 0},
		{leastRate / 2, time.Second, 60},
		{64 << 10, 8 * time.Second, 0},
	} {
		cl, d := testClient(&now)
		calls := 0
		for ; calls < 5000; calls++ {
			_, err := cl.measure(true, func() (int, error) {
				until := d.read[len(d.read)-1]
				if now = now.Add(c.every); now.After(until) {
					return 0, timeoutError{}
				}
				return c.bytes, nil
			})
			if err != nil {
				if !errors.Is(err, errSlow) {
					t.Fatal(err)
				}
				break
			}
			if last := d.read[len(d.read)-1]; !last.IsZero() {
				t.Fatalf("a deadline is left at %v", last)
			}
		}
		if c.calls == 0 && calls < 5000 || c.calls > 0 && (calls < c.calls/2 || calls > c.calls+2) {
			t.Errorf("%d bytes every %v: ended after %d calls, want about %d", c.bytes, c.every, calls, c.calls)
		}
	}
}

type timeoutError struct{}

func (timeoutError) Error() string { return "i/o timeout" }

func (timeoutError) Timeout() bool { return true }

func TestAnAnswerHasAnEnd(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	cl, d := testClient(&now)
	begin := now
	for range 5000 {
		_, _ = cl.measure(false, func() (int, error) { return 10 << 20, nil })
	}
	if until := d.write[len(d.write)-1]; until.After(begin.Add(answerTimeout)) {
		t.Errorf("the deadline is %v after the begin", until.Sub(begin))
	}
}

// TestASlowAnswerIsCut reads nothing of an answer whose place others want.
func TestASlowAnswerIsCut(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	cl, d := testClient(&now)
	blocked := make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := cl.measure(false, func() (int, error) {
			close(blocked)
			for {
				d.mu.Lock()
				until := d.write[len(d.write)-1]
				d.mu.Unlock()
				if until.Before(now) {
					return 0, timeoutError{}
				}
				time.Sleep(time.Millisecond)
			}
		})
		done <- err
	}()
	<-blocked
	cl.giveUp()
	if err := <-done; !errors.Is(err, errSlow) {
		t.Errorf("%v", err)
	}
	if _, err := cl.measure(true, func() (int, error) { return 0, io.EOF }); !errors.Is(err, errSlow) {
		t.Errorf("afterwards: %v", err)
	}
}
