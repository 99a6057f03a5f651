package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"cc-metric-store/store"
)

// maxFree is the size of the largest entry that is taken for a free. Who may publish
// may send any, and what JSON decodes to is many times as long.
const maxFree = 2 << 20

// freeRequest is the content of an entry that frees.
type freeRequest struct {
	Selectors [][]string `json:"selectors"`
	Before    int64      `json:"before"` // Unix seconds
}

func decodeFree(data []byte) (r freeRequest, err error) {
	if len(data) > maxFree {
		return r, fmt.Errorf("it has %d bytes, more than the limit of %d", len(data), maxFree)
	}
	if n := bytes.Count(data, []byte("[")) - 1; n > store.MaxSelectors {
		return r, fmt.Errorf("it has %d selectors, more than the limit of %d", n, store.MaxSelectors)
	}
	err = json.Unmarshal(data, &r)
	return r, err
}

// badFrees tells of entries that are no frees: the first one, and once a minute. It is
// for one goroutine.
type badFrees struct {
	told time.Time
	held int // that were not told of since
}

func (b *badFrees) note(log *slog.Logger, e *entry, err error) {
	if now := time.Now(); now.Sub(b.told) >= repeatLog {
		log.Error("an entry of the log is no free request: left out",
			"entry", e.seq, "subject", e.subject, "error", err, "others_since_the_last_message", b.held)
		b.told, b.held = now, 0
		return
	}
	b.held++
}
