package ingest

import (
	"fmt"
	"testing"
	"time"
)

func TestRecentForgets(t *testing.T) {
	r, now := newRecent(), time.Now()
	e := &parcel{}
	old, waits := r.hash("old"), r.hash("waits")
	r.add(old, e, now)
	r.settle(e, 7)
	r.add(waits, &parcel{}, now)
	if k, ok := r.find(old, now.Add(recentAge-1)); !ok || k.sequence != 7 || k.parcel != nil {
		t.Errorf("known: %+v, %v", k, ok)
	}
	if _, ok := r.find(old, now.Add(recentAge)); ok {
		t.Error("an id is known for longer than a stream knows it")
	}
	if k, ok := r.find(waits, now.Add(time.Hour)); !ok || k.parcel == nil {
		t.Error("what is on its way is not known any more")
	}
	for i := range 3 * recentIDs {
		r.add(r.hash(fmt.Sprint(i)), e, now)
	}
	if _, ok := r.find(old, now); ok || len(r.byID) != recentIDs || len(r.order) != recentIDs {
		t.Errorf("%d ids are known, %d in order", len(r.byID), len(r.order))
	}
	if _, ok := r.find(r.hash(fmt.Sprint(3*recentIDs-1)), now); !ok {
		t.Error("the newest is not known")
	}
}
