package rest

import (
	"runtime"
	"sync"
	"time"
)

// What a client may take of the server. Whatever can be large is bounded before it is
// made: connections, headers, bodies, what JSON unpacks to, and the cells that are
// answered. Writes wait where others are told to come again.
const (
	// maxConnections is the number of open connections; a node that keeps one
	// that was closed for others makes a new one. See connections.
	maxConnections = 8192
	// maxHeader bounds the header of a request, which is mostly a token of some
	// kilobytes, and maxHeaders what the headers that are being read take in sum beyond
	// freeHeader each.
	maxHeader  = 80 << 10
	maxHeaders = 64 << 20
	freeHeader = 4 << 10

	// maxSent bounds a body as it is sent, maxDecoded what it decodes to,
	// maxJSON if that is JSON, which has to be in memory as a whole.
	maxSent    = 64 << 20
	maxDecoded = 256 << 20
	maxJSON    = 64 << 20
	// maxRatio is how many times as long as it was sent JSON of more than freeRatio
	// may be: thousands of similar queries shrink to a fiftieth.
	maxRatio  = 200
	freeRatio = 1 << 20
	// maxZstdWindow is what an encoder of a web client may ask for (RFC 9659).
	maxZstdWindow = 8 << 20

	// maxName bounds a name in a URL, or one that the answer repeats; maxText one in
	// JSON, which may be as long as a line of line protocol.
	maxName = 1024
	maxText = 64 << 10
	// maxDepth bounds how deep JSON is nested; what is understood needs four levels.
	maxDepth = 32
	// maxObjects and maxItems bound the objects, and the elements of all arrays, of
	// one request: 400 metrics of 600 hosts, or 128 parts each of 25 metrics of 1,250.
	maxObjects = 1 << 18
	maxItems   = 1 << 22
	// maxFields bounds the members of all objects.
	maxFields = 16 * maxObjects

	// maxRequestCells and maxRequestSeries bound what one request may ask for: 7 days
	// at one minute of 20 metrics of 10,000 hosts.
	maxRequestCells  = 1 << 31
	maxRequestSeries = 1 << 23
	// smallCells, smallSeries, smallPieces (of one query) and smallHosts (of a health
	// check) are what may be answered beside everything else, as it takes a few
	// milliseconds.
	smallCells  = 1 << 15
	smallSeries = 1 << 12
	smallPieces = 1 << 17
	smallHosts  = 256

	// maxSelectors and maxSelectorBytes bound the different selectors of a free. Its
	// entry has to fit a message of any broker, 1 MiB by default.
	maxSelectors     = 20_000
	maxSelectorBytes = 768 << 10

	// maxVerdicts bounds hosts times metrics of a health check, maxHealthBytes what the
	// answer lists if no host has one of the metrics.
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
	// A client may be waited for, in sum, for grace and the time that its bytes
	// take at leastRate, in bytes a second, be it sending or reading. Under
	// pressure, when others wait for its place, it loses it after
	// shortGrace if it is slower than pressedRate.
	grace       = 30 * time.Second
	leastRate   = 8 << 10
	shortGrace  = time.Second
	pressedRate = 64 << 10
	// answerTimeout bounds an answer from its first byte on.
	answerTimeout = 10 * time.Minute
	// smallTimeout bounds the sending of an answer that is made at once, and what is
	// left of a body when its answer is known.
	smallTimeout = time.Minute
	restTimeout  = 2 * time.Second
	// patience is how long a request waits for its turn; cc-backend gives up
	// after 10 s. A large one that others wait for lets them in after quantum.
	patience   = 8 * time.Second
	quantum    = time.Second
	retryAfter = "5" // seconds
)

// gates bound what is in memory and under way at once. A request enters them in this
// order, so that no two wait for each other.
type gates struct {
	zstd    *gate // bodies of which each may take 16 MiB for its window
	bodies  *gate // of up to mediumBody
	writes  *gate // longer ones of writes, which are read in parts
	large   *gate // JSON of up to largeBody
	huge    *gate // longer JSON
	replies *gate // answers under construction, each with a buffer
	queries *gate // large ones, with the cells of a series each

	close func() // ends all waiting; it may be called again
}

// Bodies up to these sizes take little, some, and much of the memory for bodies.
const (
	smallBody  = 4 << 10
	mediumBody = 64 << 10
	largeBody  = 2 << 20
)

func newGates() *gates {
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
		close:   sync.OnceFunc(func() { close(closed) }),
	}
}
