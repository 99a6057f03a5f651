package store

// Entry identifies an entry of the log. The zero value is no entry: an append or a free
// request without one always takes effect.
type Entry struct {
	// Epoch counts how often the sequence numbers have started over, from 1.
	Epoch uint32
	// Seq is the sequence number of the entry in the stream, from 1.
	Seq uint64
}

// covers reports whether what took effect up to e includes the entry o.
func (e Entry) covers(o Entry) bool { return o.Seq != 0 && e.Epoch == o.Epoch && e.Seq >= o.Seq }
