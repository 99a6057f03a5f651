package rest

import (
	"runtime"
	"sync"
	"time"
)

// What clients may take of the server. Whatever can be large is bounded before it is made:
// connections, headers, bodies, decoded JSON, and the cells of answers. Where others are
// told to ask again, writes wait.
const (
	// maxConnections is how many connections may be open, see connections.
	maxConnections = 8192
	// maxHTTP2 is how many of them may speak HTTP/2, each with up to maxStreams requests at
	// once; further ones speak HTTP/1.1, with one request at a time. Only net/http sees which
	// bytes of HTTP/2 are a header, and what a header decodes to. Up to five times maxStreams
	// headers of a connection may be in memory, 50 MiB in all.
	maxHTTP2   = 16
	maxStreams = 8
	// maxHeader bounds the header of a request, which is mostly a token of some
	// kilobytes. maxHeaders bounds the sum of the headers that are being read, of which
	// freeHeader bytes each do not count.
	maxHeader  = 80 << 10
	maxHeaders = 64 << 20
	freeHeader = 4 << 10

	// maxSent bounds a body as it is sent, maxDecoded a decompressed one, maxJSON a
	// decompressed one that is JSON, which has to be in memory as a whole.
	maxSent    = 64 << 20
	maxDecoded = 256 << 20
	maxJSON    = 64 << 20
	// maxRatio bounds the size of decompressed JSON divided by the size that was sent,
	// if there is more of it than freeRatio. Thousands of similar queries shrink to a
	// fiftieth.
	maxRatio  = 200
	freeRatio = 1 << 20
	// maxZstdWindow is the window that HTTP clients may use for zstd (RFC 9659).
	maxZstdWindow = 8 << 20

	// maxName bounds a name in a URL, and one that the answer repeats for each host.
	// maxText bounds one in JSON, which may be as long as a line of line protocol.
	maxName = 1024
	maxText = 64 << 10
	// maxDepth bounds the nesting of JSON. Requests need four levels.
	maxDepth = 32
	// maxObjects and maxItems bound the objects, and the elements of all arrays, of
	// one request: 400 metrics of 600 hosts, or 128 parts each of 25 metrics of 1,250. What
	// stands where queries are counts as one, as it becomes one before it is refused.
	maxObjects = 1 << 18
	maxItems   = 1 << 22
	// maxFields bounds the members of all objects.
	maxFields = 16 * maxObjects

	// maxRequestCells and maxRequestSeries bound what one request may ask for: 7 days
	// at one minute of 20 metrics of 10,000 hosts.
	maxRequestCells  = 1 << 31
	maxRequestSeries = 1 << 23
	// A query of up to smallCells, smallSeries, smallRuns (of each of its queries) and
	// smallRequestRuns (of all), and a health check of up to smallHosts, take a few
	// milliseconds. They do not pass the gate of large queries.
	smallCells       = 1 << 15
	smallSeries      = 1 << 12
	smallRuns        = 1 << 17
	smallRequestRuns = 1 << 20
	smallHosts       = 256

	// maxSelectors and maxSelectorBytes bound the different selectors of a free request.
	// Its entry in the log has to fit a message of any broker, 1 MiB by default.
	maxSelectors     = 20_000
	maxSelectorBytes = 768 << 10

	// maxVerdicts bounds hosts times metrics of a health check. maxHealthBytes bounds the
	// lists of an answer that names all metrics for all hosts.
	maxVerdicts    = 1 << 22
	maxHealthBytes = 128 << 20
)

// How long things may take.
const (
	headerTimeout = 10 * time.Second
	// idleTimeout outlives the pause between two batches of a collector that
	// keeps its connection.
	idleTimeout = 3 * time.Minute
	stopTimeout = 10 * time.Second
	// A client that sends or reads is waited for, in sum, for grace and the time that its
	// bytes take at leastRate, in bytes a second. When others wait for its place, it loses
	// the place after shortGrace if it is slower than pressedRate.
	grace       = 30 * time.Second
	leastRate   = 8 << 10
	shortGrace  = time.Second
	pressedRate = 64 << 10
	// answerTimeout bounds an answer from its first byte on, but for exports.
	answerTimeout = 10 * time.Minute
	// smallTimeout bounds the sending of an answer that is made at once. restTimeout
	// bounds the reading of what is left of a body when the answer is known.
	smallTimeout    = time.Minute
	leftoverTimeout = 2 * time.Second
	// patience is how long a request waits for its turn. cc-backend gives up after 10 s.
	// A large request for which others wait lets them in after quantum.
	patience = 8 * time.Second
	quantum  = time.Second
	// maxPassed is how long a large request may be passed by smaller ones.
	maxPassed = patience / 4
	// turnCost is about what can be answered within quantum, see queryItem.cost. A request that
	// costs less waits for its turn behind less.
	turnCost   = 1 << 24
	retryAfter = "5" // seconds
)

// gates bound what is in memory and under way at once. A request enters them in the order
// of the fields, so that no two wait for each other.
type gates struct {
	zstd    *gate // bodies of which each may take 16 MiB for its window
	bodies  *gate // of up to mediumBody
	writes  *gate // longer ones of writes, which are read in parts
	large   *gate // JSON of up to largeBody
	huge    *gate // longer JSON
	replies *gate // answers under construction, each with a buffer
	queries *gate // large requests, each with the cells of one series in memory; see helpers
	// prometheus has the requests of its API, each with up to Config.Prometheus.MaxSamples.
	prometheus *gate

	close func() // ends all waiting, now and later; it may be called again

	buffers bodyBuffers // of the bodies inside, and of small ones
}

// Up to these sizes, a body is small, medium or large.
const (
	smallBody  = 4 << 10
	mediumBody = 64 << 10
	largeBody  = 2 << 20
)

// newGates returns gates, of which that of Prometheus' API has so many places.
func newGates(prometheus int) *gates {
	closed := make(chan struct{})
	limited := func(places, queue int) *gate {
		g := newGate(places, queue)
		g.closed = closed
		return g
	}
	return &gates{
		zstd:    limited(8, 0),
		bodies:  limited(1024, 0),
		writes:  limited(64, 0),
		large:   limited(16, 256),
		huge:    limited(1, 64),
		replies: limited(1024, 4096),
		queries: limited(max(4, runtime.GOMAXPROCS(0)), 64),

		prometheus: limited(prometheus, 256),
		close:      sync.OnceFunc(func() { close(closed) }),
	}
}
