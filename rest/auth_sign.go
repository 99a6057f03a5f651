package rest

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// NewToken returns a token with the roles, signed with an Ed25519 private key in standard
// base64. A Server with the public key of the pair accepts it until it expires.
func NewToken(privateKey string, roles []string, expires time.Time) (string, error) {
	key, err := base64.StdEncoding.DecodeString(privateKey)
	if err != nil {
		// The cause is left out, as it quotes a part of the key.
		return "", fmt.Errorf("the private key is not standard base64")
	}
	if len(key) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("the private key has %d bytes, an Ed25519 one has %d, 88 characters in base64", len(key), ed25519.PrivateKeySize)
	}
	claims := jwt.MapClaims{"iat": time.Now().Unix(), "exp": expires.Unix()}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
	return jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims).SignedString(ed25519.PrivateKey(key))
}
