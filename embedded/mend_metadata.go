package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// The metadata of a stream is a pair of files: its configuration and the checksum of that.
// nats-server replaces one after the other. If it ends in between, or a file is damaged, it refuses
// the stream for ever, although all its messages are there.

// mendMetadata makes the metadata of a stream anew if nats-server would refuse it: from the valid
// copy in the manifest, or from the configuration with which the stream is created. A file that
// does not match its checksum is not trusted, as a wrong limit could cost messages; only what
// identifies the stream is copied from it.
func (s *Server) mendMetadata(stream Stream, known streamManifest) error {
	dir := s.streamDir(stream.Name)
	inf, sum := filepath.Join(dir, server.JetStreamMetaFile), filepath.Join(dir, server.JetStreamMetaFileSum)
	if err := errors.Join(s.needFile(inf), s.needFile(sum)); err != nil {
		return err
	}
	have, why := validMetadata(dir, stream.Name)
	if why == nil {
		return nil
	}
	text, from := known.Metadata, "the copy of it"
	err := checkMetadata(text, stream.Name)
	if err != nil {
		from = "the configuration"
		text, err = newMetadata(stream, have)
	}
	var sumText string
	if err == nil {
		sumText, err = checksum(stream.Name, text)
	}
	if err == nil {
		err = replaceFile(inf, text, true)
	}
	if err == nil {
		err = replaceFile(sum, []byte(sumText), true)
	}
	if err != nil {
		return fmt.Errorf("make the metadata of stream %s anew in %s: %w", stream.Name, inf, err)
	}
	s.cfg.Logger.Warn("the metadata of a stream were damaged and are made anew; its messages are untouched",
		"stream", stream.Name, "path", inf, "damage", why, "from", from)
	return nil
}

// validMetadata returns the metadata in a stream's directory, as far as it can be read, and why
// nats-server would refuse it, nil if it would not.
func validMetadata(dir, name string) (text []byte, why error) {
	text, err := readText(filepath.Join(dir, server.JetStreamMetaFile))
	if err != nil {
		return nil, err
	}
	if err := checkMetadata(text, name); err != nil {
		return text, err
	}
	have, err := readText(filepath.Join(dir, server.JetStreamMetaFileSum))
	if err != nil {
		return text, err
	}
	want, err := checksum(name, text)
	if err == nil && string(have) != want {
		err = errors.New("the checksum does not fit")
	}
	return text, err
}

// levelKey is the key of a stream's or consumer's own metadata that says which
// version of nats-server it needs.
const levelKey = "_nats.req.level"

// checkMetadata returns why text cannot be the metadata of the stream, nil if it can.
func checkMetadata(text []byte, name string) error {
	var info server.FileStreamInfo
	if err := strict(text, &info); err != nil {
		return fmt.Errorf("no metadata of a stream: %w", err)
	}
	switch {
	case info.Name != name:
		return fmt.Errorf("they are those of stream %q", info.Name)
	case info.Storage != server.FileStorage || info.Mirror != nil:
		return errors.New("they are not those of a stream of files")
	case len(info.Subjects) == 0:
		return errors.New("they have no subjects")
	}
	for _, subject := range info.Subjects {
		if !server.IsValidSubject(subject) {
			return fmt.Errorf("%q is no subject", subject)
		}
	}
	return checkLevel(info.Metadata)
}

// checkLevel returns an error if the stream or consumer needs a newer nats-server.
func checkLevel(metadata map[string]string) error {
	level := metadata[levelKey]
	if n, err := strconv.Atoi(level); level != "" && (err != nil || n > server.JSApiLevel) {
		return fmt.Errorf("they need level %q of the interface, this server has %d", level, server.JSApiLevel)
	}
	return nil
}

// strict decodes as nats-server does: because of an unknown field in the metadata of a stream, or
// of one of its consumers, it takes the stream out of service.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// newMetadata makes metadata from the configuration of a stream. found is the content of the file.
func newMetadata(stream Stream, found []byte) ([]byte, error) {
	info := server.FileStreamInfo{Created: time.Now().UTC()}
	if err := json.Unmarshal(stream.Config, &info.StreamConfig); err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	info.Name = stream.Name
	var before server.FileStreamInfo
	if checkMetadata(found, stream.Name) == nil && json.Unmarshal(found, &before) == nil {
		if !before.Created.IsZero() {
			info.Created = before.Created
		}
		info.Metadata = before.Metadata
	}
	text, err := json.Marshal(info)
	if err == nil {
		err = checkMetadata(text, stream.Name)
	}
	return text, err
}

// checksum returns the content of the file with the checksum.
func checksum(name string, metadata []byte) (string, error) {
	key := sha256.Sum256([]byte(name))
	h, err := highwayhash.New64(key[:])
	if err != nil {
		return "", err
	}
	_, _ = h.Write(metadata) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil)), nil
}

// replaceFile replaces a file. Whenever the process ends, there is the old file or the whole new
// one; with durable also whenever the machine stops.
func replaceFile(path string, content []byte, durable bool) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if durable && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return err
	}
	if !durable {
		return nil
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
