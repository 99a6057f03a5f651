package test

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// keyPair signs tokens.
type keyPair struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

// newKeyPair makes a pair of its own for each test.
func newKeyPair(t *testing.T) keyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{public, private}
}

// config is the key as it stands in a configuration.
func (k keyPair) config() string { return base64.StdEncoding.EncodeToString(k.public) }

// token returns a token with the claims that the key has signed.
func (k keyPair) token(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodEdDSA, k.private, claims)
}

// signed returns a token that is signed in any way, the wrong ones too.
func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// withKey is the base configuration with the public key of tokens.
func withKey(key string) object {
	cfg := baseConfig()
	section(cfg, "main")["jwt-public-key"] = key
	return cfg
}
