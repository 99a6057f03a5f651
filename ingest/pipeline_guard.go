package ingest

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"cc-metric-store/ingest/lineproto"
)

// errFault says that an entry was not decoded.
var errFault = errors.New("it cannot be decoded, by a fault of this program")

// decodeGuarded decodes an entry. If that panics, the entry is refused: otherwise one entry would
// end all nodes that read the log, again after each start. again is the decoder for the next entry.
func (p *pipeline) decodeGuarded(d *lineproto.Decoder, e *entry) (again *lineproto.Decoder) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		in := p.in
		in.recordFault(fault, p.stream.name, e.seq)
		if e.free {
			e.request, e.requestFault = freeRequest{}, errFault
			e.out = decodedEntry{}
		} else {
			e.out.refuseAll(e.data, e.cluster)
		}
		again = lineproto.NewDecoder(in.store, in.series, in.cfg.FutureTolerance)
	}()
	if e.free {
		e.request, e.requestFault = decodeFree(e.data)
	} else {
		if e.id != "" && !e.byIntake {
			e.shares = p.in.waiters.of(e.id).shares()
		}
		decodeEntry(d, e)
	}
	return d
}

// recordFault records that decoding an entry has panicked. It is called where that is recovered;
// seq is 0 if the log does not have the entry yet.
func (in *Ingest) recordFault(fault any, stream string, seq uint64) {
	in.counters.faults.Add(1)
	in.logger.Error("an entry of the log is refused, as decoding it failed: please report this",
		"stream", stream, "entry", seq, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
}

// refuseAll refuses an entry of lines on which decoding has failed.
func (d *decodedEntry) refuseAll(lines []byte, cluster string) {
	*d = decodedEntry{} // what it has may be a part
	d.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: errFault.Error(), Text: lines, Cluster: cluster})
}

// decodeLocked decodes lines into out, guarded as decodeGuarded is. The log refuses them, too, when it has
// them.
func (o *outbox) decodeLocked(e *outgoing, at time.Time) {
	defer func() {
		if fault := recover(); fault != nil {
			o.in.recordFault(fault, o.name, 0)
			o.out.refuseAll(e.data, e.cluster)
			o.decoder = lineproto.NewDecoder(o.in.store, o.in.series, o.in.cfg.FutureTolerance)
		}
	}()
	o.out.reset()
	o.out.decode(o.decoder, e.data, e.writers.shares(), e.cluster, at)
}
