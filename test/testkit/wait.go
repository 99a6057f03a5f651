package testkit

import (
	"testing"
	"time"
)

// Patience bounds every wait. It is far more than anything takes, so that only
// what never happens runs into it.
const Patience = 90 * time.Second

// Eventually returns when the condition holds, and fails the test if it never
// does.
func Eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	for end := time.Now().Add(Patience); !condition(); {
		if time.Now().After(end) {
			tb.Fatalf("waited %v in vain for: %s", Patience, what)
		}
		time.Sleep(time.Millisecond) // between two looks, not for something to happen
	}
}
