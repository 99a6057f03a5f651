package archive

import (
	"cmp"
	"strings"
)

// key is what rows are sorted by.
type key struct {
	host, metric     string
	part             Part
	frequency, start int64
}

func (k *key) compare(o *key) int {
	return cmp.Or(strings.Compare(k.host, o.host), strings.Compare(k.metric, o.metric), k.part.compare(&o.part),
		cmp.Compare(k.frequency, o.frequency), cmp.Compare(k.start, o.start))
}

func (p *Part) compare(o *Part) int {
	return cmp.Or(strings.Compare(p.Type, o.Type), strings.Compare(p.ID, o.ID),
		strings.Compare(p.Subtype, o.Subtype), strings.Compare(p.SubID, o.SubID))
}

// follows reports whether a block may come next.
func (w *Writer) follows(k *key) bool {
	if w.isLoose {
		return cmp.Or(strings.Compare(k.host, w.last.host), strings.Compare(k.metric, w.last.metric)) >= 0
	}
	return k.compare(&w.last) > 0
}
