package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/store/archive"
	"cc-metric-store/test/testkit"
)

func passAll(t *testing.T, s *Store, before int64) error {
	t.Helper()
	_, err := s.archivePass(t.Context(), before, func(hostKey) bool { return false })
	checkStore(t, s)
	return err
}

// damage writes zeros over all of a file but its footer, so that it looks intact until it is read.
func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(data) - 8
	clear(data[4 : end-int(binary.LittleEndian.Uint32(data[end:]))])
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestArchiveBesideDamage: a damaged file does not keep later samples from the archive.
func TestArchiveBesideDamage(t *testing.T) {
	s := newStore(t, Config{blockSlots: 16})
	files := newArchive(t, archive.Config{})
	s.useArchive(files)
	for i := range int64(40) {
		put(t, s, "h", Part{}, "load", t0+60*i, float64(i))
	}
	if err := passAll(t, s, t0+60*30); err != nil {
		t.Fatal(err)
	}
	damage(t, files.Files()[0].Path)
	put(t, s, "h", Part{}, "load", t0+60, -1) // where the file has samples
	before := s.Stats().Archived
	if err := passAll(t, s, t0+60*100); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats(); n.Series != 0 || n.Archived == before {
		t.Errorf("%+v", n)
	}
}

// TestArchiveOfOtherClusters: a cluster that cannot be archived does not keep others from it.
func TestArchiveOfOtherClusters(t *testing.T) {
	s := newStore(t, Config{blockSlots: 2})
	dir := t.TempDir()
	s.useArchive(newArchive(t, archive.Config{Directory: dir}))
	if err := os.WriteFile(filepath.Join(dir, "b"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	load, _ := s.Metric([]byte("load"))
	for _, cluster := range []string{"a", "b", "c"} {
		b := Batch{Cluster: cluster, Host: "h", Parts: []Part{{}}}
		b.Add(0, load, t0, 1)
		s.Append(&b)
	}
	err := passAll(t, s, t0+10_000)
	if err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("error %v", err)
	}
	if n := s.Stats(); n.Hosts != 1 || n.Archived != 2 {
		t.Errorf("%+v", n)
	}
}

// TestFullArchiveIsCleaned: what is beyond the bounds of the archive goes also while nothing can be
// written, as that may be for want of room.
func TestFullArchiveIsCleaned(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
	dir := t.TempDir()
	files := newArchive(t, archive.Config{Directory: dir, MaxBytes: 1})
	s.useArchive(files)
	put(t, s, "h", Part{}, "load", t0-7200, 1)
	if err := passAll(t, s, t0-3600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	load, _ := s.Metric([]byte("load"))
	b := Batch{Cluster: "b", Host: "h", Parts: []Part{{}}}
	b.Add(0, load, t0-7200, 1)
	s.Append(&b)
	if s.archive(t.Context(), now) || s.ArchiveError() == nil {
		t.Error("a pass has written what cannot be written")
	}
	if n := files.Stats().Files; n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// TestHeldFromAfterLoss: samples that were lost as the archive could not be written are not claimed.
func TestHeldFromAfterLoss(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
	dir := t.TempDir()
	s.useArchive(newArchive(t, archive.Config{Directory: dir}))
	put(t, s, "h", Part{}, "load", t0-20*3600, 1)
	if err := passAll(t, s, t0-3600); err != nil {
		t.Fatal(err)
	}
	put(t, s, "h", Part{}, "load", t0-10*3600, 1)
	if err := os.Rename(filepath.Join(dir, "c"), filepath.Join(dir, "d")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.archive(t.Context(), now) || s.Stats().Unarchived != 0 {
		t.Fatalf("%+v", s.Stats())
	}
	now = now.Add(time.Hour)
	if s.archive(t.Context(), now) || s.Stats().Unarchived == 0 {
		t.Fatalf("%+v", s.Stats())
	}
	if from := s.HeldFrom(); from <= t0-10*3600 {
		t.Errorf("the answer is said to be complete from %d before the lost sample on", t0-10*3600-from)
	}
}

// TestArchiveFailsUnderPressure: an archive that cannot be written is not tried each few seconds.
func TestArchiveFailsUnderPressure(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{blockSlots: 16, MemoryCap: 1 << 20, MaxSeries: 1000, Retention: 1000 * time.Hour, Now: func() time.Time { return now }})
	dir := t.TempDir()
	s.useArchive(newArchive(t, archive.Config{Directory: dir}))
	if err := os.WriteFile(filepath.Join(dir, "c"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := int64(0); ; i++ {
		put(t, s, "h", Part{Type: "hwthread", ID: fmt.Sprint(i % 7)}, "temp", t0+i/7, float64(i)*1.2345)
		if _, ok := s.pressure(); ok {
			break
		}
	}
	for range 10 {
		s.relieve(t.Context())
	}
	if n := s.Stats().ArchiveFailures; n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// TestLateSampleReadsLittle: a late sample beside blocks that leave as usual does not make a pass read,
// or keep in memory, all that is archived in between.
func TestLateSampleReadsLittle(t *testing.T) {
	s := newStore(t, Config{})
	s.useArchive(newArchive(t, archive.Config{}))
	const parts, slots = 50, 20_000
	flops, _ := s.Metric([]byte("flops"))
	b := Batch{Cluster: "c", Host: "h"}
	for p := range parts {
		b.Parts = append(b.Parts, Part{Type: "hwthread", ID: fmt.Sprint(p)})
	}
	fill := func(from, to int64) {
		for at := from; at < to; at++ {
			b.Samples = b.Samples[:0]
			for p := range parts {
				b.Add(int32(p), flops, t0+60*at, float64(at%7))
			}
			s.Append(&b)
		}
	}
	fill(0, slots)
	if err := passAll(t, s, t0+60*slots*2); err != nil {
		t.Fatal(err)
	}
	fill(slots, slots+200)
	put(t, s, "h", b.Parts[0], "flops", t0, -1)
	put(t, s, "h", b.Parts[0], "flops", t0+60, 1) // which is there
	was := s.Stats().Archived
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.TotalAlloc
	begin := time.Now()
	if err := passAll(t, s, t0+60*slots*2); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&m)
	t.Logf("%d MiB in %v", (m.TotalAlloc-before)>>20, time.Since(begin))
	if m.TotalAlloc-before > 50<<20 {
		t.Errorf("%d MiB were allocated", (m.TotalAlloc-before)>>20)
	}
	if n := s.Stats().Archived - was; n != 200*parts+1 {
		t.Errorf("archived %d samples, want %d", n, 200*parts+1)
	}
}

// TestManyArchivedNames: a pass with more names than one file may have goes on in another, also when it has to begin
// anew as some of the first file was freed.
func TestManyArchivedNames(t *testing.T) {
	s := newStore(t, Config{blockSlots: 2})
	files := newArchive(t, archive.Config{MaxGroups: 1})
	s.useArchive(files)
	load, _ := s.Metric([]byte("load"))
	const parts, slots = 30_000, 2
	b := Batch{Cluster: "c", Host: "h"}
	for p := range parts {
		b.Parts = append(b.Parts, Part{Type: "hwthread", ID: fmt.Sprintf("%0250d", p)})
	}
	for i := range int64(slots) {
		b.Samples = b.Samples[:0]
		for p := range parts {
			b.Add(int32(p), load, t0+60*i, 1)
		}
		if a := s.Append(&b); a.Stored != parts {
			t.Fatalf("%+v", a)
		}
	}
	passes := 0
	s.testHooks.onTaken = func(hostKey) {
		if passes++; passes == 1 {
			s.Free([][]string{{"c", "h", "hwthread" + b.Parts[7].ID}}, t0+10_000, Entry{})
		}
	}
	if err := passAll(t, s, t0+10_000); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats(); passes < 2 || n.Archived != (parts-1)*slots || n.Hosts != 0 || files.Stats().Files < 2 {
		t.Errorf("%d samples in %d files, %d hosts are left", n.Archived, files.Stats().Files, n.Hosts)
	}
}

// TestArchivedOnceAnywhere: of random samples that come again and again at times far from each other, a
// pass writes those that are new or have another value, and no others.
func TestArchivedOnceAnywhere(t *testing.T) {
	seed := testkit.Seed(t)
	for _, known := range []int64{0, 1, 200} {
		rnd := rand.New(rand.NewPCG(seed, uint64(known)))
		s := newStore(t, Config{blockSlots: 4, knownSlots: known})
		s.useArchive(newArchive(t, archive.Config{}))
		type slot struct {
			host, metric string
			part         Part
			at           int64
		}
		archived := map[slot]float64{}
		for range 4 {
			in := map[slot]float64{}
			for range 150 {
				one := slot{"h" + fmt.Sprint(rnd.IntN(2)), []string{"load", "temp", "flops"}[rnd.IntN(3)], Part{}, t0 + rnd.Int64N(25)*100_000*60 + rnd.Int64N(10)*60}
				if rnd.IntN(2) == 0 {
					one.part = Part{Type: "socket", ID: fmt.Sprint(rnd.IntN(3))}
				}
				in[one] = float64(rnd.IntN(2))
				put(t, s, one.host, one.part, one.metric, one.at, in[one])
			}
			want := int64(0)
			for one, v := range in {
				if old, ok := archived[one]; !ok || old != v {
					want++
				}
				archived[one] = v
			}
			before := s.Stats().Archived
			if err := passAll(t, s, t0+30*100_000*60); err != nil {
				t.Fatal(err)
			}
			if n := s.Stats().Archived - before; n != want || s.Stats().Hosts != 0 {
				t.Fatalf("known=%d: archived %d samples, %d are new; %d hosts are left", known, n, want, s.Stats().Hosts)
			}
		}
	}
}

// TestFullDiskIsExplained: the error of a full disk says what the archive takes, and when old files go.
func TestFullDiskIsExplained(t *testing.T) {
	s := newStore(t, Config{})
	s.useArchive(newArchive(t, archive.Config{}))
	put(t, s, "h", Part{}, "load", t0, 1)
	if err := passAll(t, s, t0+1_000_000); err != nil {
		t.Fatal(err)
	}
	st, _ := s.ArchiveStats()
	if st.Bytes == 0 || st.Free <= 0 {
		t.Errorf("%+v", st)
	}
	full := fmt.Errorf("write x: %w", syscall.ENOSPC)
	for _, bound := range []int64{0, 123456} {
		s.archived.config.MaxBytes = bound
		err := s.archived.explainFull(full)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), fmt.Sprint(st.Bytes)) || bound > 0 != strings.Contains(err.Error(), fmt.Sprint("is ", bound)) {
			t.Errorf("%v", err)
		}
	}
	if err := s.archived.explainFull(os.ErrPermission); err != os.ErrPermission {
		t.Errorf("%v", err)
	}
}
