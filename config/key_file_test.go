package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newEd25519(t *testing.T) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// publicPEM returns a public key as openssl pkey -pubout prints it.
func publicPEM(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPublicKeyFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	with := func(file string) []byte { return edit(t, minimal, `main.jwt-public-key-file "`+file+`"`) }

	public := newEd25519(t)
	file := write("public.pem", append([]byte("a comment\n"), publicPEM(t, public)...))
	cfg, warnings, err := parse("config.json", with(file))
	if err != nil || len(warnings) > 0 || cfg.Main.JWTPublicKey != base64.StdEncoding.EncodeToString(public) {
		t.Fatalf("%v, %v, %+v", err, warnings, cfg)
	}

	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		word string
	}{
		"empty.pem":       {nil, "holds no PEM"},
		"base64.pem":      {[]byte(testKey), "a key in base64 belongs at jwt-public-key"},
		"private.pem":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), "a private key, which this program has no use for"},
		"certificate.pem": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secret}), "holds a CERTIFICATE"},
		"damaged.pem":     {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: secret[:10]}), "a damaged key"},
		"ecdsa.pem":       {publicPEM(t, other.Public()), "of another kind (ecdsa.PublicKey): Ed25519 is wanted"},
		"long.pem":        {append([]byte(strings.Repeat("x\n", maxKeyFile)), publicPEM(t, public)...), "holds no PEM"},
	} {
		_, _, err := parse("config.json", with(write(name, c.data)))
		expectFaults(t, err, "main.jwt-public-key-file: "+c.word)
		if strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(secret)) {
			t.Errorf("%s: the message holds the key", name)
		}
	}
	_, _, err = parse("config.json", with(filepath.Join(dir, "absent.pem")))
	expectFaults(t, err, "main.jwt-public-key-file: no such file")
	_, _, err = parse("config.json", with("/dev/zero"))
	expectFaults(t, err, "main.jwt-public-key-file: is not a regular file")
	_, _, err = parse("config.json", edit(t, string(with(file)), `main.jwt-public-key "`+testKey+`"`))
	expectFaults(t, err, "main.jwt-public-key-file: is given together with jwt-public-key")

	// What holds for the key holds for the file.
	_, warnings, err = parse("config.json", edit(t, string(with(file)), `main.jwt-roles {"free": ["admin"]}`))
	if err != nil || len(warnings) > 0 {
		t.Errorf("roles: %v, %v", warnings, err)
	}
	demo, err := base64.StdEncoding.DecodeString(demoKey)
	if err != nil {
		t.Fatal(err)
	}
	_, warnings, err = parse("config.json", with(write("demo.pem", publicPEM(t, ed25519.PublicKey(demo)))))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "warning", texts(warnings), []string{"main.jwt-public-key-file: is the key of ClusterCockpit's public demo"})
}
