package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// secret refuses what -print-config prints in place of a secret.
func secret(text string) error {
	if text == Hidden {
		return fmt.Errorf("%s stands for a secret that was not printed: put it in", Hidden)
	}
	return nil
}

// publicKey accepts an Ed25519 public key. Package rest reads it in the same way.
func publicKey(encoded string) error {
	// ed25519.PublicKeySize, without depending on a cipher for it.
	const keySize = 32
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("is not standard base64 (%w): give the raw Ed25519 public key in base64, 44 characters (-gen-keypair makes a pair)", err)
	}
	if len(key) != keySize {
		return fmt.Errorf("holds %d bytes: an Ed25519 public key has %d, 44 characters in base64 (-gen-keypair makes a pair)", len(key), keySize)
	}
	return nil
}

// endpointClass accepts the classes that package rest knows.
func endpointClass(name string) error {
	classes := []string{"query", "write", "free", "debug"}
	if !slices.Contains(classes, name) {
		return fmt.Errorf("is no class of endpoints: the classes are %s", strings.Join(classes, ", "))
	}
	return nil
}

func role(name string) error {
	if name == "" {
		return errors.New(`is empty: give the name of a role, such as "api"`)
	}
	return nil
}

// plainPassword refuses what nats-server takes for the hash of a password: nobody could log
// in with the text.
func plainPassword(password string) error {
	if err := secret(password); err != nil {
		return err
	}
	if regexp.MustCompile(`^\$2[abxy]\$`).MatchString(password) {
		return errors.New("looks like a bcrypt hash, which the program cannot log in with itself: give the password in plain text")
	}
	return nil
}
