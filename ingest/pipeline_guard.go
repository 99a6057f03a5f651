package ingest

import (
	"errors"
	"fmt"
	"runtime/debug"

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
		in.counters.faults.Add(1)
		in.logger.Error("an entry of the log is refused, as decoding it failed: please report this",
			"stream", p.stream.name, "entry", e.seq, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
		e.out = decodedEntry{} // what it has may be a part
		if e.free {
			e.request, e.requestFault = freeRequest{}, errFault
		} else {
			e.out.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: errFault.Error(), Text: e.data, Cluster: e.cluster})
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
