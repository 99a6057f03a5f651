package original

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestArchive: samples of Parquet files get back what the levels of the checkpoints say of their parts.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nested := func(above, below, metric_ string) child {
		return child{above, level{from: 1000, children: []child{{below, level{from: 1000, metrics: []metric{{metric_, 10, 1000, []float32{1}}}}}}}}
	}
	write(t, dir, "c/h/1000.bin", level{from: 1000, children: []child{nested("filesystemhome", "mountm1", "read"), nested("filesystemhome", "mountm2", "read"), nested("filesystemwork", "mountm2", "read"),
		{"cpu3", level{from: 1000, metrics: []metric{{"ipc", 10, 1000, []float32{1}}}}}, {"cpu3", level{from: 1000, metrics: []metric{{"flops", 10, 1000, []float32{1}}}}}, {"hwthread3", level{from: 1000, metrics: []metric{{"flops", 10, 1000, []float32{1}}}}}}}.binary())
	tree, err := Find(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(tree, Config{Known: func(metric string) (int64, bool) { return 60, metric != "other" }})
	for _, h := range tree.Hosts {
		files, err := h.Files()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.ReadHost(context.Background(), h, files, func(Sample) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	got, last := sent{}, int64(0)
	a := r.NewArchive(func(s Sample) error {
		if s.Time < last {
			t.Errorf("a sample of %d comes after one of %d", s.Time, last)
		}
		last = s.Time
		got.addLine(t, strings.TrimSuffix(string(s.AppendLine(nil)), "\n"))
		return nil
	})
	for _, s := range []Archived{
		{Metric: "load", Times: []int64{100, 110, 130}, Values: []float64{1, 2, float64(float32(83.4))}, Single: true},
		{Metric: "power", Part: Part{Type: "accelerator", TypeID: "00000000:49:00.0"}, Times: []int64{110}, Values: []float64{4}},
		{Metric: "read", Part: Part{Type: "mountm1"}, Times: []int64{120}, Values: []float64{5}},
		{Metric: "read", Part: Part{Type: "mountm2"}, Times: []int64{120}, Values: []float64{6}},
		{Metric: "read", Part: Part{Type: "filesystemtmp"}, Times: []int64{120}, Values: []float64{7}},
		{Metric: "read", Part: Part{Type: "filesystem", SubType: "mount", SubTypeID: "m3"}, Times: []int64{120}, Values: []float64{8}},
		{Metric: "ipc", Part: Part{Type: "hwthread", TypeID: "3"}, Times: []int64{120}, Values: []float64{9}, Single: true},
		{Metric: "flops", Part: Part{Type: "hwthread", TypeID: "3"}, Times: []int64{120}, Values: []float64{10}, Single: true},
		{Metric: "other", Times: []int64{100}, Values: []float64{1}},
	} {
		s.Cluster, s.Host, s.Frequency = "c", "h", 10
		if err := a.Add(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.End(File{Path: "x.parquet", Size: 5}, errors.New("cut")); err != nil {
		t.Fatal(err)
	}
	want := sent{
		"load,cluster=c,hostname=h,type=node":                                            {100: 1, 110: 2, 130: 83.4},
		"power,cluster=c,hostname=h,type=accelerator,type-id=00000000:49:00.0":           {110: 4},
		"read,cluster=c,hostname=h,type=filesystem,type-id=home,stype=mount,stype-id=m1": {120: 5},
		"read,cluster=c,hostname=h,type=mount,type-id=m2":                                {120: 6},
		"read,cluster=c,hostname=h,type=filesystem,type-id=tmp":                          {120: 7},
		"read,cluster=c,hostname=h,type=filesystem,stype=mount,stype-id=m3":              {120: 8},
		"ipc,cluster=c,hostname=h,type=cpu,type-id=3":                                    {120: 9},
		"flops,cluster=c,hostname=h,type=hwthread,type-id=3":                             {120: 10},
	}
	report := r.Report()
	if fmt.Sprint(got) != fmt.Sprint(want) || report.Unknown["other"] != 1 || len(report.Damaged()) != 1 || report.Files[Parquet] != 1 || report.Clusters["c"].Hosts() != 1 {
		t.Errorf("got %v, want %v; report %+v", got, want, report)
	}
	if unclear := report.Unclear(); len(unclear) != 1 || !strings.Contains(unclear[0], "mountm2") {
		t.Errorf("unclear are %q", unclear)
	}
	stop := errors.New("stop")
	a = r.NewArchive(func(Sample) error { return stop })
	err = a.Add(&Archived{Cluster: "c", Host: "h", Metric: "load", Frequency: 10, Times: []int64{1}, Values: []float64{1}})
	if err = errors.Join(err, a.End(File{}, nil)); !errors.Is(err, stop) {
		t.Errorf("who takes the samples says stop, and %v is returned", err)
	}
}
