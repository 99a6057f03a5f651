package checkpoint

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// erasName is the file that says how the metrics were configured in each era.
const erasName = "ERAS"

// erasPath returns the path of the file with the eras.
func (d *Dir) erasPath() string { return filepath.Join(d.path, erasName) }

// HasEras reports whether there is a file with the eras.
func (d *Dir) HasEras() bool {
	_, err := os.Lstat(d.erasPath())
	return err == nil
}

// WriteEras replaces the file with the eras. After it has returned nil, they survive any crash.
func (d *Dir) WriteEras(eras []Era) error {
	if err := d.writeEras(eras); err != nil {
		return fmt.Errorf("write %s: %w", d.erasPath(), err)
	}
	return nil
}

func (d *Dir) writeEras(eras []Era) error {
	if err := d.enter(); err != nil {
		return err
	}
	text, err := json.Marshal(eras)
	if err != nil {
		return err
	}
	out, err := createOutput(d.erasPath(), kindEras)
	if err != nil {
		return err
	}
	payload := append([]byte{frameEras}, text...)
	if err = out.write(appendPrefix(nil, 0, payload), payload); err == nil {
		err = out.complete()
	}
	if err != nil {
		_ = out.file.Close()
		_ = remove(out.path + temporarySuffix)
		return err
	}
	return syncDir(d.path)
}

// ReadEras reads the file with the eras. Without the file it returns none, and no error.
func (d *Dir) ReadEras() ([]Era, error) {
	file, err := openFile(d.erasPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read eras: %w", err)
	}
	defer file.Close()
	eras, err := parseEras(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.erasPath(), err)
	}
	return eras, nil
}

// parseEras reads the content of the file with the eras.
func parseEras(r io.Reader) (eras []Era, err error) {
	f := &frameReader{r: bufio.NewReader(r)}
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(f.r, header); err != nil {
		return nil, f.fault(err)
	}
	if err := checkFileHeader(header, kindEras); err != nil {
		return nil, err
	}
	kind, payload, err := f.read()
	if err != nil {
		return nil, err
	}
	if kind != frameEras || !f.atEnd() {
		return nil, fmt.Errorf("it holds something else: %w", ErrDamaged)
	}
	if err := json.Unmarshal(payload, &eras); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	if err := checkEras(eras); err != nil {
		return nil, err
	}
	return eras, nil
}

// checkEras returns an error if the eras cannot be used.
func checkEras(eras []Era) error {
	for i, e := range eras {
		if i > 0 && e.Since <= eras[i-1].Since {
			return fmt.Errorf("eras out of order: %w", ErrDamaged)
		}
		if e.Any < 0 {
			return fmt.Errorf("an interval of %d s: %w", e.Any, ErrDamaged)
		}
		for name, f := range e.Metrics {
			if f < 1 {
				return fmt.Errorf("metric %q: an interval of %d s: %w", name, f, ErrDamaged)
			}
		}
	}
	return nil
}

// QuarantineEras renames the file with the eras, which cannot be read, and returns its new
// path.
func (d *Dir) QuarantineEras() (string, error) {
	path := d.erasPath()
	return path + damagedSuffix, os.Rename(path, path+damagedSuffix)
}
