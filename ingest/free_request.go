package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"cc-metric-store/store"
)

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
