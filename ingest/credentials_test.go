package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCredentials: a file that lets nobody in is known before a broker refuses it.
func TestCredentials(t *testing.T) {
	const (
		userJWT = "-----BEGIN NATS USER JWT-----\neyJ0eXAiOiJKV1QifQ.e30.AA\n------END NATS USER JWT------\n"
		seed    = "-----BEGIN USER NKEY SEED-----\nSUAAOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYHA4DQOBZ5FE\n------END USER NKEY SEED------\n"
	)
	file := filepath.Join(t.TempDir(), "user.creds")
	for text, good := range map[string]bool{
		userJWT + "\n" + seed: true, userJWT: false, "": false, "text": false, strings.Replace(userJWT+seed, "SUAAO", "SUAAA", 1): false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkCredentials(file)
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), file+" (nats.creds-file-path)") {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "DQOBYHA4") {
			t.Errorf("the error gives the seed away: %v", err)
		}
	}
	if err := checkCredentials(file + ".absent"); err == nil {
		t.Error("an absent file is accepted")
	}
}
