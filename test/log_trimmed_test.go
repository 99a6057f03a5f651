package test

import (
	"fmt"
	"testing"
	"time"
)

// TestLogIsTrimmed: by default the embedded log drops what two checkpoints hold,
// and nothing else, however long the program is down.
func TestLogIsTrimmed(t *testing.T) {
	t.Parallel()
	n := start(t, checkpointConfig(baseConfig()))
	for _, host := range []string{"a", "b", "c"} {
		n.write(ramp(host, 400))
		n.awaitCheckpoint()
	}
	stream, err := n.client().js.Stream(t.Context(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the log to be trimmed", func() error {
		info, err := stream.Info(t.Context())
		if err == nil && info.State.FirstSeq < 2 {
			err = fmt.Errorf("it begins with entry %d", info.State.FirstSeq)
		}
		return err
	})
	if age := stream.CachedInfo().Config.MaxAge; age < 48*time.Hour {
		t.Errorf("by their age entries go after %v: a program that is down for longer would lose some", age)
	}
	n.write(ramp("d", 400))
	for range 2 {
		n.kill()
		n = n.restart()
		for _, host := range []string{"a", "b", "c", "d"} {
			n.wantRamp(host, 400)
		}
		if n.log.hasLine("hole") || n.log.hasLine("level=ERROR") {
			t.Error("something is missing")
		}
	}
}
