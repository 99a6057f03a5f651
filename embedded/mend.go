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

// mend makes the directory such that nats-server starts on it with all our streams,
// whatever is damaged. It returns what was found out about their entries.
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

// mendNames quarantines what would keep nats-server from our streams: copies that it
// would take for them, as their metadata say so, and what it would wait for.
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

func (s *Server) mendStream(ctx context.Context, stream Stream) (*survey, error) {
	dir := s.streamDir(stream.Name)
	if key := filepath.Join(dir, server.JetStreamMetaFileKey); exists(key) {
		if err := s.quarantine(key, "our streams are not encrypted"); err != nil {
			return nil, err
		}
	}
	// The last two are of a purge that did not come to its end.
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

// mendConsumers quarantines the consumers for which nats-server would take the whole
// stream out of service. Our own ones are in memory alone.
func (s *Server) mendConsumers(stream string) error {
	dir := filepath.Join(s.streamDir(stream), consumersName)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("list the consumers of stream %s: %w", stream, err)
	}
	for _, e := range entries {
		text, err := readText(filepath.Join(dir, e.Name(), server.JetStreamMetaFile))
		if err != nil && !errors.Is(err, errNoFile) {
			continue // it is left out
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

// refused returns the streams of ours that are in the directory and not in the
// server.
func (s *Server) refused(of map[string]streamState) []string {
	var names []string
	for _, stream := range s.streams {
		if _, ok := of[stream.Name]; !ok && exists(s.streamDir(stream.Name)) {
			names = append(names, stream.Name)
		}
	}
	return names
}

const mostNamed = 10

// nameForeign tells the operator once what is in the directory that is neither ours
// nor used by the server: nobody waits for it.
func (s *Server) nameForeign(of map[string]streamState) {
	var paths []string
	store := filepath.Join(s.cfg.Directory, server.JetStreamStoreDir)
	list := func(dir string, known func(name string) bool) {
		entries, _ := os.ReadDir(dir) // what cannot be listed is told elsewhere
		for _, e := range entries {
			if !known(e.Name()) {
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	list(store, func(name string) bool { return name == server.DEFAULT_GLOBAL_ACCOUNT || strings.HasPrefix(name, ".") })
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
