package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"cc-metric-store/rest/export"
	"cc-metric-store/store"
	"cc-metric-store/store/archive"
)

// exportOptions are the flags of -export.
type exportOptions struct {
	source    string // URL of a node, or path of files
	output    string
	format    string
	selection exportSelection
}

// isGiven reports whether a flag is given that needs -export.
func (o *exportOptions) isGiven() bool {
	return o.output != "" || o.format != "" || len(o.selection) > 0
}

// exportSamples does what -export asks for. A file that it writes is complete under its name, or not there.
func exportSamples(ctx context.Context, o exportOptions, stdout, stderr io.Writer) error {
	format, compression, err := exportFormat(o.format, o.output)
	if err != nil {
		return err
	}
	selection, err := o.selection.forStore()
	if err != nil {
		return err
	}
	isNode := strings.HasPrefix(o.source, "http://") || strings.HasPrefix(o.source, "https://")
	if !isNode {
		if _, err := os.Stat(o.source); err != nil {
			return fmt.Errorf("export %s: %w (of a running node, give its URL, such as http://localhost:8080)", o.source, err)
		}
	}
	out, err := createOutput(o.output, format, compression, stdout)
	if err != nil {
		return fmt.Errorf("export %s: %w", o.source, err)
	}
	defer out.abort()
	stop := showExport(ctx, stderr, out)
	var left error // what could not be read of files, while all else is exported
	if isNode {
		err = exportNode(ctx, o, format, out, stderr)
	} else {
		left, err = exportFiles(ctx, o.source, selection, format, out)
	}
	stop()
	if err == nil {
		err = out.commit()
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", o.source, err)
	}
	if o.output != "" {
		fmt.Fprintf(stderr, "%s: %s\n", o.output, out.done())
	}
	if out.isEmpty(format) {
		fmt.Fprintln(stderr, "warning: no sample was found: see whether -select names what is there, as -list or /api/page/clusters show it")
	}
	if left != nil {
		return fmt.Errorf("export %s: what is named here is missing in the output, all else is in it: %w", o.source, left)
	}
	return nil
}

// showExport shows on a terminal how far an export is. The caller calls stop, which waits for the end of that.
func showExport(ctx context.Context, stderr io.Writer, out *exportOutput) (stop func()) {
	if !isTerminal(stderr) || out.stdout {
		return func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("exporting"),
		progressbar.OptionShowBytes(out.parquet == nil),
		progressbar.OptionShowCount(),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own
	)
	ctx, cancel := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() {
		ticker := time.NewTicker(barInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				_ = bar.Exit()
				fmt.Fprintln(stderr)
				return
			}
			// The bar writes to a terminal; if that fails there is nobody to tell.
			if out.parquet != nil {
				_ = bar.Set64(out.lines.Load())
			} else {
				_ = bar.Set64(out.bytes.Load())
			}
		}
	})
	return func() { cancel(); showing.Wait() }
}

// exportFiles exports what a checkpoint or an archive holds. left names what of it cannot be read.
func exportFiles(ctx context.Context, path string, selection *store.ExportSelection, format string, out *exportOutput) (left, err error) {
	s, left, err := readFiles(ctx, path)
	if err != nil {
		return nil, err
	}
	err = exportStore(ctx, s, selection, format, out)
	return left, errors.Join(err, s.CloseArchive())
}

// readFiles returns a store with what files hold. left names what of them cannot be read.
func readFiles(ctx context.Context, path string) (s *store.Store, left, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	checkpoint := ""
	if info.IsDir() {
		if checkpoint, _, err = store.NewestCheckpoint(path); err != nil {
			return nil, nil, err
		}
	} else {
		kind, err := kindOfFile(path)
		if err == nil && kind != kindParquet && kind != kindCheckpoint {
			err = errors.New("it is no Parquet file and no checkpoint")
		}
		if err != nil {
			return nil, nil, err
		}
		if kind == kindCheckpoint {
			checkpoint = path
		}
	}
	if checkpoint != "" {
		if s, left = store.ReadCheckpoint(ctx, checkpoint); s == nil {
			return nil, nil, left
		}
		return s, left, nil
	}
	infos, left := archive.List(path)
	if len(infos) == 0 && (left != nil || info.IsDir()) {
		return nil, nil, errors.Join(left, errors.New("there are no Parquet files and no checkpoints of this program: the checkpoints of the original are for -import"))
	}
	s, err = store.ReadArchive(path, slog.New(slog.DiscardHandler))
	return s, left, err
}

// exportStore exports what a store holds.
func exportStore(ctx context.Context, s *store.Store, selection *store.ExportSelection, format string, out *exportOutput) error {
	var e *export.Encoder
	if format != formatParquet {
		f, err := export.ParseFormat(format)
		if err != nil {
			return err
		}
		e = export.NewEncoder(f)
		if _, err := io.WriteString(out, e.Header()); err != nil {
			return err
		}
	}
	var values []float64
	var text []byte
	return s.Export(ctx, selection, func(id *store.SeriesID, run *store.Run) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := &id.Part
		series := export.Series{Cluster: id.Cluster, Host: id.Host, Metric: id.Metric, Type: p.Type, TypeID: p.ID, Subtype: p.Subtype, SubtypeID: p.SubID}
		values = run.AppendTo(values[:0])
		row := export.Row{Start: run.Start, Step: run.Step, Values: values}
		if e == nil {
			return out.add(&series, row)
		}
		for len(row.Values) > 0 {
			var err error
			if text, row, err = e.Append(text[:0], &series, row); err != nil {
				return err
			}
			if _, err := out.Write(text); err != nil {
				return err
			}
		}
		return nil
	})
}
