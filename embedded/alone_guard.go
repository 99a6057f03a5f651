package embedded

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"
)

// leftName is a file in the directory of a server without a cluster. It says which logs there
// were left behind when the first one with a cluster started: all that was in them was kept
// elsewhere.
const leftName = "LEFT"

// leftLog is a log that was left behind, as it was then.
type leftLog struct {
	Created time.Time `json:"created"`
	Last    uint64    `json:"last"`
}

// checkAlone returns an error if a server without a cluster has left entries in the directory
// that nobody else has: the servers of a cluster would go on without them. It changes nothing but
// the file leftName.
func (s *Server) checkAlone() error {
	alone := &Server{cfg: Config{Directory: filepath.Dir(s.cfg.Directory), Logger: s.cfg.Logger}, streams: s.streams}
	path := filepath.Join(alone.cfg.Directory, leftName)
	left, found, covered := map[string]leftLog{}, alone.readManifest(), false
	if text, err := readText(path); err == nil {
		_ = json.Unmarshal(text, &left) // what cannot be read was not left behind
	}
	for _, stream := range s.streams {
		if stream.Minor {
			continue
		}
		before := found.Streams[stream.Name]
		blocks, odd, err := alone.listBlocks(stream.Name)
		if err != nil {
			return err
		}
		switch {
		case size(blocks) == 0 && len(odd) == 0:
			continue
		case len(odd) > 0 || !unchanged(blocks, before.Blocks):
			return fmt.Errorf("%s holds the log of a time without a cluster, which was not stopped in order: %s", alone.cfg.Directory, howToLeave)
		case !before.holds():
			continue
		}
		if now := (leftLog{before.Created, before.Last}); !left[stream.Name].equal(now) {
			if s.cfg.Covered == nil || !s.cfg.Covered(stream.Name, before.Created, before.Last) {
				return fmt.Errorf("%s holds the log of a time without a cluster, with entries in stream %s that no checkpoint holds: %s", alone.cfg.Directory, stream.Name, howToLeave)
			}
			left[stream.Name], covered = now, true
		}
	}
	if !covered {
		return nil
	}
	s.cfg.Logger.Warn("the log of the time without a cluster is left behind, as the newest checkpoint has all of it: its directory may be removed", "directory", alone.cfg.Directory)
	text, err := json.Marshal(left)
	if err == nil {
		err = replaceFile(path, text, true)
	}
	if err != nil {
		return fmt.Errorf("write down which log is left behind in %s: %w", path, err)
	}
	return nil
}

// howToLeave says what an operator has to do.
const howToLeave = "start once without nats.embedded.cluster and without nats.embedded.addr, so that nobody adds to it; " +
	"when /readyz says ready, stop the program in order (SIGTERM), and start it with both again. Nothing was changed"

func (l leftLog) equal(other leftLog) bool {
	return l.Last == other.Last && l.Created.Equal(other.Created)
}

// size returns the bytes of all blocks.
func size(blocks []block) (bytes int64) {
	for _, b := range blocks {
		bytes += b.stamp.Size
	}
	return bytes
}
