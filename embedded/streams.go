package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Stream is a stream that this program keeps in the server ("a stream of ours"). Other streams in
// the directory are somebody else's: nothing waits for them.
type Stream struct {
	Name string
	// Config is the configuration, in the JSON with which a client creates the stream. If the
	// metadata of the stream is lost, it is made anew from Config.
	Config []byte
	// Minor says that everything else works without the stream: Health ignores it.
	Minor bool
}

const (
	// Names that nats-server gives to directories and files.
	streamsName   = "streams"
	messagesName  = "msgs"
	consumersName = "obs"
	indexName     = "index.db"
)

// accountDir returns the directory of the account, which has that of the streams.
func (s *Server) accountDir() string {
	return filepath.Join(s.cfg.Directory, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT)
}

// streamDir returns the directory of a stream.
func (s *Server) streamDir(name string) string {
	return filepath.Join(s.accountDir(), streamsName, name)
}

// ourStream returns this program's stream with the name, false if it is somebody else's.
func (s *Server) ourStream(name string) (Stream, bool) {
	i := slices.IndexFunc(s.streams, func(o Stream) bool { return o.Name == name })
	if i < 0 {
		return Stream{}, false
	}
	return s.streams[i], true
}

// Streams returns the names of the streams in the directory, whether the server
// runs or not.
func (s *Server) Streams() []string {
	entries, _ := os.ReadDir(filepath.Join(s.accountDir(), streamsName)) // without one there are none
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// streamState is what the running server says about a stream.
type streamState struct {
	created             time.Time
	first, last         uint64
	firstTime, lastTime time.Time
	lostBytes           uint64 // that it dropped from damaged blocks
}

// states returns the states of the streams of a server, by name.
func states(ns *server.Server) map[string]streamState {
	info, err := ns.Jsz(&server.JSzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Streams: true})
	out := map[string]streamState{}
	if err != nil {
		return out // it is shutting down
	}
	for _, a := range info.AccountDetails {
		for _, d := range a.Streams {
			one := streamState{d.Created, d.State.FirstSeq, d.State.LastSeq, d.State.FirstTime, d.State.LastTime, 0}
			if d.State.Lost != nil {
				one.lostBytes = d.State.Lost.Bytes
			}
			out[d.Name] = one
		}
	}
	return out
}

// exists reports whether there is anything at the path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// isDir reports whether there is a directory at the path, or a link to one.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
