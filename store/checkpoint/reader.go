package checkpoint

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Contents says what was read of a checkpoint.
type Contents struct {
	Header Header
	End    End
	// Lost are blocks that could not be read; everything else could.
	Lost []Loss
}

// Loss is a block that could not be read.
type Loss struct {
	Cluster, Host string
	Start, End    int64 // Unix seconds
	Segment       uint64
	Err           error
}

// Read calls each for every host of a checkpoint, from several goroutines: with the names
// of the metrics that the host's series refer to, and with the values of all its blocks.
// The host belongs to each. Blocks that cannot be read are left out, and listed in
// Contents.Lost. On an error, be it of each, some hosts may have been handed over already.
func (d *Dir) Read(ctx context.Context, id uint64, workers int, each func(metrics []string, h *Host) error) (*Contents, error) {
	return ReadFile(ctx, d.Path(id), workers, each)
}

// ReadFile is Dir.Read for the file of a checkpoint, with its segments beside it. It takes no lock: the process
// that owns the directory removes a checkpoint when two newer ones are there.
func ReadFile(ctx context.Context, path string, workers int, each func(metrics []string, h *Host) error) (*Contents, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	defer file.Close()
	in := newSegments(filepath.Dir(path))
	defer in.close()
	c := &Contents{}
	var lost sync.Mutex
	err = readFrames(ctx, file, c, workers, func(metrics []string, h *Host) error {
		if losses := in.fill(h); len(losses) > 0 {
			lost.Lock()
			c.Lost = append(c.Lost, losses...)
			lost.Unlock()
		}
		return each(metrics, h)
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	return c, nil
}

// ReadFrames is ReadFile without the segments: it is quick, and the sealed blocks have no values.
func ReadFrames(ctx context.Context, path string, workers int, each func(metrics []string, h *Host) error) (*Contents, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	defer file.Close()
	c := &Contents{}
	if err := readFrames(ctx, file, c, workers, each); err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", path, err)
	}
	return c, nil
}

// Newest returns the path of the newest checkpoint in a directory, and false if there is none.
func Newest(directory string) (path string, ok bool, err error) {
	if _, err := os.Stat(directory); err != nil {
		return "", false, err
	}
	found, _, err := list(directory)
	if err != nil || len(found) == 0 {
		return "", false, err
	}
	return filepath.Join(directory, fileName(found[len(found)-1], checkpointSuffix)), true, nil
}

// readFrames reads a checkpoint without its segments, and calls do for each host, from several
// goroutines.
func readFrames(ctx context.Context, r io.Reader, c *Contents, workers int, do func(metrics []string, h *Host) error) error {
	f := &frameReader{r: bufio.NewReaderSize(r, 1<<18)}
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(f.r, header); err != nil {
		return f.fault(err)
	}
	if err := checkFileHeader(header, kindCheckpoint); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	payloads := make(chan hostFrame, workers)
	for range workers {
		g.Go(func() error {
			for p := range payloads {
				h, err := parseHost(p.payload, len(p.metrics))
				if err != nil {
					return err
				}
				if err := do(p.metrics, h); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(payloads)
		return sendFrames(ctx, f, c, payloads)
	})
	return g.Wait()
}

// hostFrame is a frame with a host, and all names of metrics that come before it.
type hostFrame struct {
	payload []byte
	metrics []string
}

// sendFrames reads the frames, checks their order, and sends those with hosts.
func sendFrames(ctx context.Context, f *frameReader, c *Contents, hosts chan<- hostFrame) error {
	var metrics []string
	for {
		kind, payload, err := f.read()
		if err != nil {
			return err
		}
		switch {
		case kind == frameHeader && f.next == 1:
			if err = json.Unmarshal(payload, &c.Header); err == nil {
				err = checkEras(c.Header.Eras)
			}
			metrics = c.Header.Metrics
		case kind == frameMetrics && f.next > 1:
			var more []string
			err = json.Unmarshal(payload, &more)
			metrics = append(metrics, more...) // a hostFrame that has some of them does not see these
		case kind == frameHost && f.next > 1:
			select {
			case hosts <- hostFrame{payload, metrics}:
			case <-ctx.Done():
				return ctx.Err()
			}
		case kind == frameEnd && f.next > 1 && f.atEnd():
			if err = json.Unmarshal(payload, &c.End); err == nil {
				return nil
			}
		default:
			return fmt.Errorf("frame %d of kind %q does not belong there: %w", f.next-1, kind, ErrDamaged)
		}
		if err != nil {
			return fmt.Errorf("frame %d: %w: %w", f.next-1, err, ErrDamaged)
		}
	}
}

// fill reads the values of the sealed blocks of a host, and removes the blocks that cannot be
// read, which it returns.
func (s *segments) fill(h *Host) (lost []Loss) {
	for i := range h.Grids {
		g := &h.Grids[i]
		kept := g.Blocks[:0]
		for _, b := range g.Blocks {
			if b.isInSegment() {
				err := s.read(h, g.Frequency, &b)
				if err == nil && b.Values.Columns() > g.Columns {
					err = fmt.Errorf("a block with more columns than its grid: %w", ErrDamaged)
				}
				if err != nil {
					lost = append(lost, Loss{h.Cluster, h.Name, b.Start, b.End, b.Ref.Segment, err})
					continue
				}
			}
			kept = append(kept, b)
		}
		g.Blocks = kept
	}
	return lost
}
