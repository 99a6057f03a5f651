package ingest

import (
	"hash/maphash"
	"time"
)

const (
	// A message id is known for as long as a stream knows it by default, unless so
	// many came after it.
	recentAge = 2 * time.Minute
	recentIDs = 1 << 16
)

// recent knows the ids of the newest messages: who waited in vain for an
// acknowledgement sends a message again, and it must not take effect after one that
// came later. It is used by one goroutine.
type recent struct {
	seeds [2]maphash.Seed
	byID  map[idHash]known
	order []idHash // a ring
	next  int      // index of the oldest one, if it is full
}

// idHash stands for an id: that two share one is not to be expected.
type idHash [2]uint64

// known is what became of a message.
type known struct {
	at       int64        // Unix ns: when it arrived
	entry    *packerEntry // on its way; nil: the log has it
	sequence uint64
}

func newRecent() *recent {
	return &recent{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, byID: map[idHash]known{}}
}

func (r *recent) hash(id string) idHash {
	return idHash{maphash.String(r.seeds[0], id), maphash.String(r.seeds[1], id)}
}

// find returns what is known of an id.
func (r *recent) find(id idHash, now time.Time) (known, bool) {
	k, ok := r.byID[id]
	return k, ok && (k.entry != nil || now.UnixNano()-k.at < int64(recentAge))
}

// add records that a message is in an entry.
func (r *recent) add(id idHash, e *packerEntry, now time.Time) {
	e.ids = append(e.ids, id)
	if _, again := r.byID[id]; !again { // else it is in the ring
		if len(r.order) < recentIDs {
			r.order = append(r.order, id)
		} else {
			delete(r.byID, r.order[r.next])
			r.order[r.next] = id
			r.next = (r.next + 1) % recentIDs
		}
	}
	r.byID[id] = known{at: now.UnixNano(), entry: e}
}

// settle records that the log has the messages of an entry.
func (r *recent) settle(e *packerEntry, sequence uint64) {
	for _, id := range e.ids {
		if k, ok := r.byID[id]; ok && k.entry == e {
			r.byID[id] = known{at: k.at, sequence: sequence}
		}
	}
}
