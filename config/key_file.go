package config

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxKeyFile bounds a file with a public key, which has some 113 bytes.
const maxKeyFile = 64 << 10

// publicKeyFile accepts a file with an Ed25519 public key.
func publicKeyFile(name string) error {
	_, err := readPublicKey(name)
	return err
}

// readPublicKey returns the Ed25519 public key of a PEM file (PKIX, as openssl writes it)
// in the form of jwt-public-key.
func readPublicKey(name string) (string, error) {
	if err := readableFile(name); err != nil {
		return "", err
	}
	file, err := os.Open(absolute(name))
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	const wanted = `a key in PEM that begins with "-----BEGIN PUBLIC KEY-----" is wanted`
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return "", fmt.Errorf("%q holds no PEM: %s; a key in base64 belongs at jwt-public-key", name, wanted)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return "", fmt.Errorf("%q holds a private key, which this program has no use for: give the public half, as openssl pkey -pubout prints it", name)
	case block.Type != "PUBLIC KEY":
		return "", fmt.Errorf("%q holds a %s: %s", name, block.Type, wanted)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("%q holds a damaged key: %w", name, err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", key), "*")
		return "", fmt.Errorf("%q holds a key of another kind (%s): Ed25519 is wanted, as openssl genpkey -algorithm ed25519 makes it", name, kind)
	}
	return base64.StdEncoding.EncodeToString(public), nil
}
