package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"cc-metric-store/rest"
)

const (
	// The names of environment variables, which cc-backend uses, too.
	publicKeyVariable  = "JWT_PUBLIC_KEY"
	privateKeyVariable = "JWT_PRIVATE_KEY"
	// tokenLife is how long a token that printToken makes is valid.
	tokenLife = 365 * 24 * time.Hour
)

// printKeyPair makes a key pair and prints it as lines for an environment file.
func printKeyPair(w io.Writer) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("make a key pair: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s=%s\n%s=%s\n",
		publicKeyVariable, base64.StdEncoding.EncodeToString(public), privateKeyVariable, base64.StdEncoding.EncodeToString(private))
	return err
}

// printToken prints a token with the roles, which are separated by commas. The
// private key comes from the environment, as everybody on the machine can read a
// command line.
func printToken(stdout, stderr io.Writer, roles string) error {
	key := os.Getenv(privateKeyVariable)
	if key == "" {
		return errors.New("-gen-token: the environment has no " + privateKeyVariable + ": put the private key there that -gen-keypair printed")
	}
	var list []string
	for role := range strings.SplitSeq(roles, ",") {
		if role = strings.TrimSpace(role); role != "" && role != noRoles {
			list = append(list, role)
		}
	}
	expires := time.Now().Add(tokenLife)
	token, err := rest.NewToken(key, list, expires)
	if err != nil {
		return fmt.Errorf("-gen-token: %s: %w", privateKeyVariable, err)
	}
	fmt.Fprintf(stderr, "cc-metric-store: a token with the roles %q, valid until %s\n", list, expires.UTC().Format(time.RFC3339))
	_, err = fmt.Fprintln(stdout, token)
	return err
}

// noRoles, given as the roles, asks for a token without any: it may write and query.
const noRoles = "none"
