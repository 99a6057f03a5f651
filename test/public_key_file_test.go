package test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestPublicKeyFile starts the program with its key in a file, and checks one that cannot
// be used.
func TestPublicKeyFile(t *testing.T) {
	t.Parallel()
	key, dir := newKeyPair(t), t.TempDir()
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(key.public))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "public.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := baseConfig()
	section(cfg, "main")["jwt-public-key-file"] = "public.pem" // in the working directory
	n := begin(t, launch{dir: dir, config: cfg})
	n.awaitReady()
	if a := n.send("GET", "/api/query", anyQuery, "Authorization", "Bearer "+key.token(t, jwt.MapClaims{})); a.status != 200 {
		t.Errorf("a good token: %d %s", a.status, a.body)
	}
	n.wantError(n.send("GET", "/api/query", anyQuery), 401, "Use JWT Authentication")
	n.wantError(n.send("GET", "/api/query", anyQuery, "X-Auth-Token", newKeyPair(t).token(t, jwt.MapClaims{})), 401, "signature")

	check := []string{"-config", "config.json", "-check-config"}
	run(t, launch{dir: dir, args: check}).wantExit(0)
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, launch{dir: dir, args: check}).wantExit(1, "main.jwt-public-key-file", "holds no PEM")
}
