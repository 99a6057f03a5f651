package ingest

import (
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"
)

// EmbeddedStream is a stream that an Ingest may keep in the embedded server.
type EmbeddedStream struct {
	Name string
	// Config is its configuration as JSON, as it is created.
	Config []byte
	// Minor says that the rest goes on without the stream.
	Minor bool
}

// EmbeddedStreams returns the streams that an Ingest with cfg may keep in an
// embedded server whose streams may take maxStore bytes on the disk.
func EmbeddedStreams(cfg Config, maxStore int64) []EmbeddedStream {
	in := &Ingest{cfg: cfg.withDefaults()}
	l := in.newLog()
	l.embedded = true // without maxStore: the log gets its bound when it is checked
	var out []EmbeddedStream
	add := func(c jetstream.StreamConfig, minor bool) {
		text, err := json.Marshal(c)
		if err != nil {
			panic(err) // a plain struct
		}
		out = append(out, EmbeddedStream{c.Name, text, minor})
	}
	add(in.streamConfig(l), false)
	add(newOutbox(in).config(maxStore), false)
	add(l.dead.config(), true)
	return out
}
