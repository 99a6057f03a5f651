package ingest

import (
	"strings"
	"testing"
)

func TestNewReportsAllFaults(t *testing.T) {
	_, err := New(Config{Workers: -1, FutureTolerance: -1, Stream: Stream{Replicas: 9, MaxAge: -1}, Subscriptions: []Subscription{{}}}, nil)
	for _, want := range []string{"no embedded server", "-1 workers", "tolerance", "9 replicas", "limits of the stream", "without a subject"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}
