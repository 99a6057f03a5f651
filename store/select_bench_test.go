package store

import (
	"fmt"
	"testing"
)

// BenchmarkSelect selects among hosts of 100 series: one host, which takes the same time
// among any number of hosts, and one metric of all hosts.
func BenchmarkSelect(b *testing.B) {
	for _, hosts := range []int{50, 5000} {
		s := manySeries(b, hosts, 100)
		cluster, metric := matcher(b, MatchEqual, LabelCluster, "c"), matcher(b, MatchEqual, LabelMetric, "power")
		run := func(name string, want int, matchers ...*Matcher) {
			b.Run(fmt.Sprintf("%s among %d hosts", name, hosts), func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					if got, err := s.Select(b.Context(), matchers...); err != nil || len(got) != want {
						b.Fatal(len(got), err)
					}
				}
			})
		}
		run("one host", 100, cluster, matcher(b, MatchEqual, LabelHost, "h00007"))
		run("one series", 1, cluster, metric, matcher(b, MatchEqual, LabelHost, "h00007"), matcher(b, MatchEqual, LabelTypeID, "7"))
		run("one metric", 50*hosts, metric)
		run("one metric of hosts and parts by regexps", 4*hosts, metric,
			matcher(b, MatchRegexp, LabelHost, "h[0-9]{5}"), matcher(b, MatchRegexp, LabelTypeID, "1?[0-4]"),
			matcher(b, MatchNotRegexp, LabelTypeID, "1.*"))
		for _, label := range []Label{LabelHost, LabelMetric, LabelTypeID} {
			b.Run(fmt.Sprintf("values of %s among %d hosts", label, hosts), func(b *testing.B) {
				b.ReportAllocs()
				for range b.N {
					if got, err := s.LabelValues(b.Context(), label, cluster); err != nil || len(got) == 0 {
						b.Fatal(len(got), err)
					}
				}
			})
		}
	}
}

// BenchmarkSelectOwn selects a metric that 200 hosts of hundreds of series have themselves.
func BenchmarkSelectOwn(b *testing.B) {
	s := walked(b, 200, 1)
	metric := matcher(b, MatchEqual, LabelMetric, "node7")
	b.ReportAllocs()
	for b.Loop() {
		if got, err := s.Select(b.Context(), metric); err != nil || len(got) != 200 {
			b.Fatal(len(got), err)
		}
	}
}

// BenchmarkRead reads and decodes 24 h of one series, and of one metric of all threads
// of 32 hosts.
func BenchmarkRead(b *testing.B) {
	const ticks = 1440
	s := walked(b, 32, ticks)
	for _, bb := range []struct {
		name     string
		matchers []*Matcher
		want     int
	}{
		{"one series", []*Matcher{matcher(b, MatchEqual, LabelHost, "f00007"), matcher(b, MatchEqual, LabelType, ""), matcher(b, MatchEqual, LabelMetric, "node7")}, 1},
		{"threads of 32 hosts", []*Matcher{matcher(b, MatchEqual, LabelType, "hwthread"), matcher(b, MatchEqual, LabelMetric, "hwthread1")}, 32 * 72},
	} {
		b.Run(bb.name+", 24 h", func(b *testing.B) {
			series, err := s.Select(b.Context(), bb.matchers...)
			if err != nil || len(series) != bb.want {
				b.Fatal(len(series), err)
			}
			b.ReportAllocs()
			var values []float64
			for range b.N {
				if _, err := s.Read(b.Context(), series, t0, t0+60*ticks, func(_ int, runs []Run) error {
					values = values[:0]
					for i := range runs {
						values = runs[i].AppendTo(values)
					}
					if len(values) < ticks {
						b.Fatal(len(values))
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(series)*ticks), "ns/cell")
		})
	}
}
