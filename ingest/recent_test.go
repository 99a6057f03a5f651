package ingest

import (
	"fmt"
	"testing"
	"time"
)

func TestRecentForgets(t *testing.T) {
	r, now := newRecent(), time.Now()
	e := &packerEntry{}
	old, waits := r.hash("old"), r.hash("waits")
	r.add(old, e, now)
	r.settle(e, 7)
	r.add(waits, &packerEntry{}, now)
	if k, ok := r.find(old, now.Add(recentAge-1)); !ok || k.sequence != 7 || k.entry != nil {
		t.Errorf("known: %+v, %v", k, ok)
	}
	if _, ok := r.find(old, now.Add(recentAge)); ok {
		t.Error("an id is known for longer than a stream knows it")
	}
	if k, ok := r.find(waits, now.Add(time.Hour)); !ok || k.entry == nil {
		t.Error("what is on its way is not known any more")
	}
	again, places := &packerEntry{}, len(r.order)
	r.add(old, again, now.Add(recentAge))
	if k, ok := r.find(old, now.Add(2*recentAge-1)); !ok || k.entry != again || len(r.order) != places {
		t.Errorf("what is too old and comes again: %+v, %v, %d in order", k, ok, len(r.order))
	}
	for i := range 3 * recentIDs {
		r.add(r.hash(fmt.Sprint(i)), e, now)
	}
	if _, ok := r.find(old, now); ok || len(r.byID) != recentIDs || len(r.order) != recentIDs {
		t.Errorf("%d ids are known, %d in order", len(r.byID), len(r.order))
	}
	for i := range recentIDs {
		if _, ok := r.find(r.hash(fmt.Sprint(2*recentIDs+i)), now); !ok {
			t.Fatalf("of the %d newest, number %d is not known", recentIDs, i)
		}
	}
	r.settle(again, 8)
	if len(r.byID) != recentIDs {
		t.Error("what was forgotten is known again as it is settled")
	}
	r.add(old, e, now) // in another entry
	r.settle(again, 9)
	if k, _ := r.find(old, now); k.entry != e {
		t.Error("an id is taken for settled with an entry that is not its own")
	}
}
