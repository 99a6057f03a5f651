package ingest

import (
	"fmt"
	"testing"
	"time"
)

func TestDedupForgets(t *testing.T) {
	d, now := newDedup(), time.Now()
	e := &packerEntry{}
	old, waits := d.hash("old"), d.hash("waits")
	d.add(old, e, now)
	d.settle(e, 7)
	d.add(waits, &packerEntry{}, now)
	if k, ok := d.find(old, now.Add(dedupWindow-1)); !ok || k.seq != 7 || k.entry != nil {
		t.Errorf("known: %+v, %v", k, ok)
	}
	if _, ok := d.find(old, now.Add(dedupWindow)); ok {
		t.Error("an id is known for longer than a stream knows it")
	}
	if k, ok := d.find(waits, now.Add(time.Hour)); !ok || k.entry == nil {
		t.Error("what is on its way is not known any more")
	}
	again, places := &packerEntry{}, len(d.order)
	d.add(old, again, now.Add(dedupWindow))
	if k, ok := d.find(old, now.Add(2*dedupWindow-1)); !ok || k.entry != again || len(d.order) != places {
		t.Errorf("what is too old and comes again: %+v, %v, %d in order", k, ok, len(d.order))
	}
	for i := range 3 * dedupIDs {
		d.add(d.hash(fmt.Sprint(i)), e, now)
	}
	if _, ok := d.find(old, now); ok || len(d.byID) != dedupIDs || len(d.order) != dedupIDs {
		t.Errorf("%d ids are known, %d in order", len(d.byID), len(d.order))
	}
	for i := range dedupIDs {
		if _, ok := d.find(d.hash(fmt.Sprint(2*dedupIDs+i)), now); !ok {
			t.Fatalf("of the %d newest, number %d is not known", dedupIDs, i)
		}
	}
	d.settle(again, 8)
	if len(d.byID) != dedupIDs {
		t.Error("what was forgotten is known again as it is settled")
	}
	d.add(old, e, now) // in another entry
	d.settle(again, 9)
	if k, _ := d.find(old, now); k.entry != e {
		t.Error("an id is taken for settled with an entry that is not its own")
	}
}
