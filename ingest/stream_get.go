package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// storedMsg is one message of a stream, as its leader returns it: a replica may
// be behind.
type storedMsg struct {
	Subject string    `json:"subject"`
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"`
	Headers []byte    `json:"hdrs"`
	Data    []byte    `json:"data"`
}

// header returns the headers. Whoever wrote them may have written anything: where
// they cannot be read there are none.
func (e storedMsg) header() nats.Header {
	h, err := nats.DecodeHeadersMsg(e.Headers)
	if err != nil {
		return nil
	}
	return h
}

// msgRequest says which message of a stream is meant.
type msgRequest struct {
	Seq  uint64 `json:"seq,omitempty"`
	Next string `json:"next_by_subj,omitempty"` // the first one with this subject, from Seq on
	Last string `json:"last_by_subj,omitempty"`
}

// errNoEntry says that the stream has no such message.
var errNoEntry = errors.New("the stream has no such entry")

// getMsg fetches a message of a stream. The client library fails at headers that
// are not well formed, and at such that look like JetStream's own.
func getMsg(ctx context.Context, nc *nats.Conn, stream string, w msgRequest) (e storedMsg, err error) {
	ask, err := json.Marshal(w)
	if err != nil {
		return e, err
	}
	m, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, ask)
	if err != nil {
		return e, err
	}
	answer := struct {
		Error   *jetstream.APIError `json:"error"`
		Message *storedMsg          `json:"message"`
	}{}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return e, fmt.Errorf("the answer of the stream: %w", err)
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return e, errNoEntry
	case answer.Error != nil:
		return e, answer.Error
	case answer.Message == nil:
		return e, jetstream.ErrInvalidJetStreamResponse
	}
	return *answer.Message, nil
}
