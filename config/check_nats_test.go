package config

import "testing"

func TestSubject(t *testing.T) {
	for _, legal := range []string{"hpc-nats", "metrics.rack1", "alex.metrics.>", "*", "metrics.*.cpu", "größe.x"} {
		if err := subject(legal); err != nil {
			t.Errorf("%s: %v", legal, err)
		}
	}
	for _, illegal := range []string{">", "a b", "a\tb", ".a", "a.", "a..b", "a.>.b", "a.b>", "a*", "$SYS.x", "$JS.>", "_INBOX.>", "_INBOX", "_INBOX.a", "a\x00"} {
		if subject(illegal) == nil {
			t.Errorf("%q is accepted", illegal)
		}
	}
}
