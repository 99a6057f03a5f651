package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"cc-metric-store/store/archive"
	"cc-metric-store/test/testkit"
)

// TestArchivedSelections: what is selected is the same wherever the samples are, in memory or in files, and
// in a window there is each series that has samples in it.
func TestArchivedSelections(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, slots := range []int{2, 16} {
		a := newArchiving(t, seed, slots)
		alone := 0 // series that the archive alone has
		for range 6 {
			for range 15 {
				a.sendBoth()
			}
			before := a.base + a.past - a.rnd.Int64N(2*a.past)
			if a.rnd.IntN(2) == 0 {
				before = a.base + 2*a.past
			}
			if _, err := a.store.archivePass(t.Context(), before, func(hostKey) bool { return false }); err != nil {
				t.Fatal(err)
			}
			for range 40 {
				a.compareSelections()
			}
			all, err := a.plain.Select(t.Context())
			inMemory, errMemory := a.store.Select(t.Context())
			if err != nil || errMemory != nil {
				t.Fatal(err, errMemory)
			}
			alone += len(all) - len(inMemory)
		}
		if alone == 0 {
			t.Error("memory knew all series")
		}
	}
}

// compareSelections compares random selections with those of a store that has all samples in memory.
func (a *archiving) compareSelections() {
	a.t.Helper()
	ctx := a.t.Context()
	conditions, matchers := randomConditions(a.t, a.rnd)
	want, err := a.plain.Select(ctx, matchers...)
	if err != nil {
		a.t.Fatal(err)
	}
	always := SelectBounds{Most: MaxSelected, From: -timeBound, To: timeBound}
	if got, err := a.store.SelectIn(ctx, always, matchers...); err != nil || !slices.Equal(got, want) {
		a.t.Fatalf("%+v: %v, error %v, without an archive %v", conditions, got, err, want)
	}
	few := always
	few.Most = a.rnd.IntN(len(want) + 2)
	first, more, err := a.store.SelectFirst(ctx, few, matchers...)
	if err != nil || !slices.Equal(first, want[:min(few.Most, len(want))]) || more != (few.Most < len(want)) {
		a.t.Fatalf("the first %d of %+v: %v, more %v, error %v, without an archive %v", few.Most, conditions, first, more, err, want)
	}
	var tooMany *SelectError
	if _, err := a.store.SelectIn(ctx, few, matchers...); errors.As(err, &tooMany) != (few.Most < len(want)) {
		a.t.Fatalf("at most %d of %d: error %v", few.Most, len(want), err)
	}
	hosts, err := a.store.SelectHosts(ctx, always, matchers...)
	wantHosts, wantErr := a.plain.SelectHosts(ctx, SelectBounds{Most: MaxSelected}, matchers...)
	if err != nil || wantErr != nil || !slices.Equal(hosts, wantHosts) {
		a.t.Fatalf("hosts of %+v: %v, error %v, without an archive %v, error %v", conditions, hosts, err, wantHosts, wantErr)
	}
	for _, label := range allLabels {
		got, err := a.store.LabelValuesIn(ctx, always, label, matchers...)
		values, wantErr := a.plain.LabelValues(ctx, label, matchers...)
		if err != nil || wantErr != nil || !slices.Equal(got, values) {
			a.t.Fatalf("values of %s under %+v: %q, error %v, without an archive %q, error %v", label, conditions, got, err, values, wantErr)
		}
	}

	from := a.base - a.past + a.rnd.Int64N(2*a.past)
	window := SelectBounds{Most: MaxSelected, From: from, To: from + a.rnd.Int64N(3000)}
	got, err := a.store.SelectIn(ctx, window, matchers...)
	inMemory, errMemory := a.store.Select(ctx, matchers...)
	if err != nil || errMemory != nil {
		a.t.Fatal(err, errMemory)
	}
	if !slices.IsSortedFunc(got, compareSeries) {
		a.t.Fatalf("not in order: %v", got)
	}
	has := readAll(a.t, a.plain, want, window.From, window.To)
	for i, id := range want {
		_, isSelected := slices.BinarySearchFunc(got, id, compareSeries)
		_, isHeld := slices.BinarySearchFunc(inMemory, id, compareSeries)
		if (len(has[i]) > 0 || isHeld) && !isSelected {
			a.t.Fatalf("%v is not selected from %d to %d: in memory %v, samples %v", id, window.From, window.To, isHeld, has[i])
		}
	}
	for _, id := range got {
		if _, ok := slices.BinarySearchFunc(want, id, compareSeries); !ok {
			a.t.Fatalf("%v is selected, and should not under %+v", id, conditions)
		}
	}
}

// TestArchivedLabelValues asks for labels whose values memory does not know, in windows with and without files.
func TestArchivedLabelValues(t *testing.T) {
	s := newStore(t, Config{})
	s.useArchive(newArchive(t, archive.Config{}))
	for _, host := range []string{"h1", "h2"} {
		put(t, s, host, Part{}, "load", t0, 1)
		put(t, s, host, Part{Type: "socket", ID: "0"}, "flops", t0, 1)
	}
	if err := passAll(t, s, t0+1_000_000); err != nil {
		t.Fatal(err)
	}
	put(t, s, "h1", Part{}, "load", t0+900_000, 1)
	window := SelectBounds{Most: 10, From: t0 - 1000, To: t0 + 1000}
	for _, c := range []struct {
		bounds   SelectBounds
		label    Label
		matchers []*Matcher
		want     []string
	}{
		{window, LabelHost, nil, []string{"h1", "h2"}},
		{window, LabelCluster, nil, []string{"c"}},
		{window, LabelMetric, nil, []string{"flops", "load"}},
		{window, LabelHost, []*Matcher{matcher(t, MatchEqual, LabelMetric, "load")}, []string{"h1", "h2"}},
		{window, LabelHost, []*Matcher{matcher(t, MatchEqual, LabelType, "core")}, []string{}},
		{SelectBounds{Most: 10}, LabelHost, nil, []string{"h1"}},
		{SelectBounds{Most: 10, From: t0 + 500_000, To: t0 + 1_000_000}, LabelHost, nil, []string{"h1"}},
		{SelectBounds{Most: 10, From: t0 - 5000, To: t0 - 4000}, LabelHost, nil, []string{"h1"}},
	} {
		got, err := s.LabelValuesIn(t.Context(), c.bounds, c.label, c.matchers...)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s in %+v: %q, error %v, want %q", c.label, c.bounds, got, err, c.want)
		}
	}
}

// eventful is a context at whose look number n, from 1 on, something happens.
type eventful struct {
	context.Context
	n       int
	happens func()
}

func (e *eventful) Err() error {
	if e.n--; e.n == 0 {
		e.happens()
	}
	return e.Context.Err()
}

// TestSelectionsWhileArchiving: at whatever moment of a search samples leave memory for the archive, all series are found.
func TestSelectionsWhileArchiving(t *testing.T) {
	t.Parallel()
	const hosts = 5
	window := SelectBounds{Most: 100, From: t0 - 2_000_000, To: t0 + 1000}
	for name, find := range map[string]func(context.Context, *Store) (int, error){
		"series": func(ctx context.Context, s *Store) (int, error) {
			series, err := s.SelectIn(ctx, window)
			return len(series), err
		},
		"hosts": func(ctx context.Context, s *Store) (int, error) {
			hosts, err := s.SelectHosts(ctx, window)
			return len(hosts), err
		},
		"values": func(ctx context.Context, s *Store) (int, error) {
			values, err := s.LabelValuesIn(ctx, window, LabelHost)
			return len(values), err
		},
	} {
		for _, isEarlier := range []bool{false, true} { // there is an archive before
			for n, isOver := 1, false; !isOver; n++ {
				s := newStore(t, Config{})
				s.useArchive(newArchive(t, archive.Config{Readers: 2}))
				if isEarlier {
					put(t, s, "h0", Part{}, "load", t0-1_000_000, 1)
					if err := passAll(t, s, t0); err != nil {
						t.Fatal(err)
					}
				}
				for h := range hosts {
					put(t, s, fmt.Sprint("h", h), Part{}, "load", t0, 1)
				}
				isOver = true
				found, err := find(&eventful{t.Context(), n, func() {
					isOver = false
					if err := passAll(t, s, t0+1_000_000); err != nil {
						t.Error(err)
					}
				}}, s)
				if err != nil || found != hosts {
					t.Errorf("samples leave at look %d, an archive before %v: %d %s of %d are found, error %v", n, isEarlier, found, name, hosts, err)
				}
			}
		}
	}
}
