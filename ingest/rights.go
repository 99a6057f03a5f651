package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// A broker that lets its user do little answers nothing to what it does not allow:
// it says so beside, on the connection, without a word about the request.

// deniedError says that the broker does not allow its user something.
type deniedError struct {
	what string // such as: Publish to "$JS.API.INFO"
}

// Error names the right that is missing.
func (e *deniedError) Error() string {
	return fmt.Sprintf("the broker's user lacks a right: permissions violation for %s", e.what)
}

// rights remembers what the broker has denied on this connection.
type rights struct {
	mu sync.Mutex
	// Guarded by mu.
	denied   map[string]bool // Subscription to "<subject>", since the newest connect
	watchers map[*watcher]bool
}

// watcher is a request that waits.
type watcher struct {
	stream string
	fail   context.CancelCauseFunc
}

func (r *rights) init() {
	r.denied, r.watchers = map[string]bool{}, map[*watcher]bool{}
}

const (
	// maxDenied bounds what is remembered of a broker that denies this and that.
	maxDenied = 64

	violationText    = "Permissions Violation for "
	subscriptionText = "Subscription to "
	inboxText        = subscriptionText + `"_INBOX.`
)

// record takes what the broker reports on the connection. It returns what was denied,
// empty if it is something else.
func (r *rights) record(err error) (what string) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return ""
	}
	_, what, _ = strings.Cut(err.Error(), violationText)
	what = generalised(what)
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasPrefix(what, subscriptionText) && len(r.denied) < maxDenied {
		r.denied[what] = true
	}
	for w := range r.watchers {
		if w.concerns(what) {
			w.fail(&deniedError{what})
		}
	}
	return what
}

// generalised replaces what is different each time, the name of an inbox or of a
// consumer, by a wildcard.
func generalised(what string) string {
	action, subject, ok := strings.Cut(what, `"`)
	subject, _, _ = strings.Cut(subject, `"`)
	if !ok {
		return what
	}
	switch {
	case strings.HasPrefix(subject, "_INBOX."):
		subject = "_INBOX.>"
	case strings.HasPrefix(subject, "$JS.API.CONSUMER."):
		end, parts := 0, strings.Split(subject, ".")
		for i, p := range parts {
			if end += len(p) + 1; p == "CREATE" || p == "DELETE" || p == "NEXT" {
				if i+2 < len(parts) { // the stream, then the consumer
					subject = subject[:end+len(parts[i+1])] + ".>"
				}
				break
			}
		}
	}
	return action + `"` + subject + `"`
}

// forget is called when there is a new connection.
func (r *rights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.denied)
}

// forgetSubject is called when a subject is subscribed again.
func (r *rights) forgetSubject(subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.denied, subscriptionText+`"`+subject+`"`)
}

// deniedSubject reports whether a subject may not be subscribed.
func (r *rights) deniedSubject(subject string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.denied[subscriptionText+`"`+subject+`"`]
}

// watch lets fail be called when something is denied that a request about the
// stream needs. An answer needs an inbox, which is subscribed once.
func (r *rights) watch(stream string, fail context.CancelCauseFunc) (end func()) {
	w := &watcher{stream, fail}
	r.mu.Lock()
	defer r.mu.Unlock()
	for what := range r.denied {
		if strings.HasPrefix(what, inboxText) {
			fail(&deniedError{what})
		}
	}
	r.watchers[w] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, w)
	}
}

// concerns reports whether something that was denied is a subject of the stream, of
// requests about it, or an inbox.
func (w *watcher) concerns(what string) bool {
	if strings.HasPrefix(what, inboxText) {
		return true
	}
	if strings.Contains(what, ".CONSUMER.DELETE.") {
		return false // it goes by itself
	}
	_, subject, _ := strings.Cut(what, `"`)
	subject = strings.TrimSuffix(subject, `"`)
	return strings.HasPrefix(subject, w.stream+".") || strings.HasPrefix(subject, "$JS.") &&
		(strings.HasSuffix(subject, "."+w.stream) || strings.Contains(subject, "."+w.stream+"."))
}

// ask does something that the server of the log has to answer, within apiTimeout.
func (in *Ingest) ask(ctx context.Context, l *logStream, do func(context.Context) error) error {
	return in.askAbout(ctx, l, l.name, do)
}

// askAbout is ask for another stream than the log.
func (in *Ingest) askAbout(ctx context.Context, l *logStream, stream string, do func(context.Context) error) error {
	if l.embedded {
		return withTimeout(ctx, do)
	}
	return in.rights.ask(ctx, stream, do)
}

// ask does something about a stream that the broker has to answer, within apiTimeout. It
// ends at once with a deniedError if the broker does not allow it.
func (r *rights) ask(ctx context.Context, stream string, do func(context.Context) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	end := r.watch(stream, fail)
	defer end()
	err := withTimeout(ctx, do)
	if err == nil {
		return nil
	}
	if denied, ok := errors.AsType[*deniedError](context.Cause(ctx)); ok {
		return denied
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("no answer within %v: %w", apiTimeout, err)
	}
	return err
}
