package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"cc-metric-store/store"
)

// freeRequest is the content of an entry that frees blocks of the store.
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

// Free appends a free request to the log and returns when it has taken effect, with the
// number of series' blocks freed. before is in Unix seconds; store.Free tells what a
// selector is. To repeat it is harmless.
func (in *Ingest) Free(ctx context.Context, selectors [][]string, before int64) (int, error) {
	b := in.newBudget()
	data, err := json.Marshal(freeRequest{selectors, before})
	if err != nil {
		return 0, fmt.Errorf("encode the free request: %w", err)
	}
	if err := in.awaitStart(ctx, &b); err != nil {
		return 0, err
	}
	w, done := oneWriter()
	id, err := in.publish(ctx, &b, &outgoing{writers: w, data: data, free: true})
	if err != nil {
		return 0, err
	}
	defer in.waiters.remove(id)
	o, err := in.await(ctx, &b, done, nil)
	return o.freed, err
}
