package ingest

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

// checkCredentials returns why nobody can log in with a file of credentials, so
// far as the file itself tells.
func checkCredentials(file string) error {
	var o nats.Options
	err := nats.UserCredentials(file)(&o)
	if err == nil {
		_, err = o.UserJWT()
	}
	if err == nil {
		_, err = o.SignatureCB([]byte("nonce"))
	}
	if err != nil {
		return fmt.Errorf("the credentials in %s (nats.creds-file-path) cannot be used: %w", file, err)
	}
	return nil
}
