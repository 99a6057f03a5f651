package ingest

import (
	"sync/atomic"
	"time"

	"cc-metric-store/store"
)

// entry is one message of the log on its way into the store.
type entry struct {
	incoming

	out            decodedEntry
	lines          []byte        // of a compressed entry; its memory is used again
	decoded        chan struct{} // one token when out is complete
	pendingBatches atomic.Int32  // batches that are not in the store yet
	applied        chan struct{} // one token when the whole entry is
	freed          int
	shares         []int // the ends of the lines of several writers over REST, nil if there is one

	request      freeRequest // if free
	requestFault error
}

// incoming is what a message of the log says, with which an entry is filled.
type incoming struct {
	epoch      uint32 // see store.Entry
	seq        uint64
	at         time.Time // when the log took it
	written    time.Time // when its writer wrote it: earlier than at if an outbox had it first
	created    time.Time // when the log was created
	subject    string
	id         string // message id, if the writer gave one
	cluster    string // of lines without a cluster tag
	free       bool   // a free request, and not lines
	data       []byte
	compressed bool   // see wire_encoding.go
	status     string // a header that JetStream itself writes to consumers
	byIntake   bool   // an intake put it into the log: it has headerSubject
	weight     int64  // bytes that it has acquired of pipeline.bytes
}

func (e *entry) storeEntry() store.Entry { return store.Entry{Epoch: e.epoch, Seq: e.seq} }
