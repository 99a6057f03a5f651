package ingest

import (
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

// TestLinesThatShareASeriesAreSaid: collectors tell devices apart by tags of their own.
func TestLinesThatShareASeriesAreSaid(t *testing.T) {
	r := newReporter(t, store.Config{})
	const disks = "cpu_load,device=/dev/sda,hostname=h,type=node value=1 17\ncpu_load,device=/dev/sdb,hostname=h,type=node value=2 17\n" +
		"cpu_load,device=/dev/sdc,hostname=h,type=node value=3 17\n"
	r.entry(disks, "c")
	r.want("level=WARN", "share one", "lines=2 ", "why=.*the same series as cpu_load,device=/dev/sda,", "first=.*cpu_load,device=/dev/sdb,hostname=h,type=node", "cluster=c host=h", "entry=1")
	for range 3 {
		r.now = r.now.Add(2 * time.Minute)
		r.entry(disks, "c")
		r.want()
	}
	// A host of the same kind brings nothing new, others are told together.
	r.entry(strings.ReplaceAll(disks, "hostname=h", "hostname=same"), "c")
	r.want()
	r.entry(strings.ReplaceAll(strings.ReplaceAll(disks, "sd", "hd"), "hostname=h", "hostname=g"), "c")
	r.want("lines=2 ", "host=g")
	for _, host := range []string{"i", "j"} {
		r.entry(strings.ReplaceAll(strings.ReplaceAll(disks, "sd", host), "hostname=h", "hostname="+host), "c")
	}
	r.want()
	r.now = r.now.Add(2 * time.Minute)
	r.want("lines=4 ", "host=i")
}

// TestLinesThatDoNotShareASeries have what names a series.
func TestLinesThatDoNotShareASeries(t *testing.T) {
	for _, lines := range []string{
		"cpu_load,hostname=h,type=disk,type-id=sda value=1 17\ncpu_load,hostname=h,type=disk,type-id=sdb value=1 17\n",
		"cpu_load,hostname=h,type=core,type-id=0,unit=x value=1 17\ncpu_load,hostname=h,type=core,type-id=1,unit=x value=1 17\n",
		"cpu_load,device=a,hostname=h value=1 17\ncpu_user,device=b,hostname=h value=1 17\n",
		"cpu_load,device=a,hostname=h value=1 17\ncpu_load,device=b,hostname=g value=1 17\n",
		"cpu_load,device=a,hostname=h value=1 17\ncpu_load,device=a,hostname=h value=1 77\ncpu_load,device=a,hostname=h value=1 137\n",
	} {
		r := newReporter(t, store.Config{})
		for range 3 {
			r.entry(lines, "c")
		}
		r.want()
	}
}
