package ingest

import (
	"hash/maphash"
	"time"
)

const (
	// dedupWindow is how long an id is known: as long as a stream knows it by default.
	dedupWindow = 2 * time.Minute
	// dedupIDs is how many ids are known: one is forgotten when as many came after it.
	dedupIDs = 1 << 16
)

// dedup knows the ids (Nats-Msg-Id) of the newest messages, as a stream does. A publisher
// that waited in vain for an acknowledgement sends its message again, and that must not
// take effect after a message that came later. It is used by one goroutine.
type dedup struct {
	seeds [2]maphash.Seed
	byID  map[idHash]seen
	order []idHash // a ring
	next  int      // index of the oldest one, if it is full
}

// idHash stands for an id: that two share one is not to be expected.
type idHash [2]uint64

// seen is what became of a message.
type seen struct {
	at    int64        // Unix ns: when it arrived
	entry *packerEntry // on its way; nil: the log has it
	seq   uint64
}

func newDedup() *dedup {
	return &dedup{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, byID: map[idHash]seen{}}
}

func (d *dedup) hash(id string) idHash {
	return idHash{maphash.String(d.seeds[0], id), maphash.String(d.seeds[1], id)}
}

// find returns what is known of an id.
func (d *dedup) find(id idHash, now time.Time) (seen, bool) {
	k, ok := d.byID[id]
	return k, ok && (k.entry != nil || now.UnixNano()-k.at < int64(dedupWindow))
}

// add records that a message is in an entry.
func (d *dedup) add(id idHash, e *packerEntry, now time.Time) {
	e.ids = append(e.ids, id)
	if _, again := d.byID[id]; !again { // else it is in the ring
		if len(d.order) < dedupIDs {
			d.order = append(d.order, id)
		} else {
			delete(d.byID, d.order[d.next])
			d.order[d.next] = id
			d.next = (d.next + 1) % dedupIDs
		}
	}
	d.byID[id] = seen{at: now.UnixNano(), entry: e}
}

// settle records that the log has the messages of an entry.
func (d *dedup) settle(e *packerEntry, seq uint64) {
	for _, id := range e.ids {
		if k, ok := d.byID[id]; ok && k.entry == e {
			d.byID[id] = seen{at: k.at, seq: seq}
		}
	}
}
