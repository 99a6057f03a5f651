package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// mend changes the directory so that nats-server starts on it with all our streams, whatever is
// damaged. It returns what it found out about their entries.
func (s *Server) mend(ctx context.Context) ([]*survey, error) {
	s.setPhase("looking through " + s.cfg.Directory)
	store := filepath.Join(s.cfg.Directory, server.JetStreamStoreDir)
	for _, dir := range []string{store, s.accountDir(), filepath.Join(s.accountDir(), streamsName)} {
		if err := s.needDir(dir); err != nil {
			return nil, err
		}
	}
	if err := s.mendNames(); err != nil {
		return nil, err
	}
	var surveys []*survey
	for _, stream := range s.streams {
		if err := s.needDir(s.streamDir(stream.Name)); err != nil {
			return nil, err
		}
		if !exists(s.streamDir(stream.Name)) {
			if s.cfg.Cluster != nil && s.manifest.Streams[stream.Name].holds() && exists(filepath.Join(store, server.DEFAULT_SYSTEM_ACCOUNT)) {
				return nil, fmt.Errorf("%w: %s is gone", errReplica, s.streamDir(stream.Name))
			}
			continue
		}
		v, err := s.mendStream(ctx, stream)
		if err != nil {
			return nil, err
		}
		surveys = append(surveys, v)
	}
	return surveys, nil
}

// mendNames quarantines directories that keep nats-server from our streams: copies whose metadata
// say that they are a stream of ours, and metadata that it could not stop reading.
func (s *Server) mendNames() error {
	for _, name := range s.Streams() {
		if _, ours := s.ourStream(name); ours {
			continue
		}
		var info server.FileStreamInfo
		text, err := readText(filepath.Join(s.streamDir(name), server.JetStreamMetaFile))
		have, sumErr := readText(filepath.Join(s.streamDir(name), server.JetStreamMetaFileSum))
		if errors.Is(err, errNoFile) || errors.Is(sumErr, errNoFile) {
			if err := s.quarantine(s.streamDir(name), "its metadata are no small regular files"); err != nil {
				return err
			}
			continue
		}
		if err != nil || json.Unmarshal(text, &info) != nil {
			continue // nats-server leaves it alone
		}
		want, err := checksum(name, text)
		if _, ours := s.ourStream(info.Name); ours && err == nil && string(have) == want {
			if err := s.quarantine(s.streamDir(name), "it says that it is stream "+info.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// mendStream mends the files of a stream of ours.
func (s *Server) mendStream(ctx context.Context, stream Stream) (*survey, error) {
	dir := s.streamDir(stream.Name)
	if key := filepath.Join(dir, server.JetStreamMetaFileKey); exists(key) {
		if err := s.quarantine(key, "our streams are not encrypted"); err != nil {
			return nil, err
		}
	}
	// The last two are left by a purge that was interrupted.
	for _, name := range []string{messagesName, consumersName, "__msgs__", "__new_msgs__"} {
		if err := s.needDir(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	before := s.manifest.Streams[stream.Name]
	if err := errors.Join(s.mendMetadata(stream, before), s.mendConsumers(stream.Name)); err != nil {
		return nil, err
	}
	return s.mendBlocks(ctx, stream.Name, before)
}

// mendConsumers quarantines damaged consumers: nats-server would take the whole stream out of
// service for one. They are not ours, which exist only in memory.
func (s *Server) mendConsumers(stream string) error {
	dir := filepath.Join(s.streamDir(stream), consumersName)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("list the consumers of stream %s: %w", stream, err)
	}
	for _, e := range entries {
		text, err := readText(filepath.Join(dir, e.Name(), server.JetStreamMetaFile))
		if err != nil && !errors.Is(err, errNoFile) {
			continue // nats-server skips it
		}
		var info server.FileConsumerInfo
		if err == nil {
			err = strict(text, &info)
		}
		if err == nil {
			err = checkLevel(info.Metadata)
		}
		if err != nil {
			if err := s.quarantine(filepath.Join(dir, e.Name()), fmt.Sprintf("the metadata of the consumer are damaged (%v)", err)); err != nil {
				return err
			}
		}
	}
	return nil
}

// refused returns our streams that are in the directory, but not in the server.
func (s *Server) refused(of map[string]streamState) []string {
	var names []string
	if s.cfg.Cluster != nil {
		return nil // the other servers say which streams there are
	}
	for _, stream := range s.streams {
		if _, ok := of[stream.Name]; !ok && exists(s.streamDir(stream.Name)) {
			names = append(names, stream.Name)
		}
	}
	return names
}

const mostNamed = 10

// nameForeign logs what is in the directory that is neither ours nor used by the server. Nothing
// waits for it.
func (s *Server) nameForeign(of map[string]streamState) {
	var paths []string
	store := filepath.Join(s.cfg.Directory, server.JetStreamStoreDir)
	list := func(dir string, known func(name string) bool) {
		entries, _ := os.ReadDir(dir) // errors are reported elsewhere
		for _, e := range entries {
			if !known(e.Name()) {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	list(store, func(name string) bool {
		return name == server.DEFAULT_GLOBAL_ACCOUNT || strings.HasPrefix(name, ".") || name == server.DEFAULT_SYSTEM_ACCOUNT && s.cfg.Cluster != nil
	})
	list(s.accountDir(), func(name string) bool { return name == streamsName })
	list(filepath.Join(s.accountDir(), streamsName), func(name string) bool {
		_, ours := s.ourStream(name)
		_, inUse := of[name]
		return ours || inUse || strings.HasPrefix(name, ".")
	})
	if len(paths) == 0 {
		return
	}
	slices.Sort(paths)
	s.cfg.Logger.Warn("the directory of the embedded nats-server holds what is not of this program, or no stream that can be read: it is left alone",
		"paths", strings.Join(paths[:min(len(paths), mostNamed)], ", "), "all", len(paths))
}
