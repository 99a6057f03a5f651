package rest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

type keyPair struct {
	public  ed25519.PublicKey
	private ed25519.PrivateKey
}

func newKeyPair(t *testing.T) keyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{public, private}
}

func (k keyPair) config() string { return base64.StdEncoding.EncodeToString(k.public) }

func (k keyPair) sign(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	return sign(t, jwt.SigningMethodEdDSA, k.private, claims)
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokens(t *testing.T) {
	key, other := newKeyPair(t), newKeyPair(t)
	f := start(t, Config{JWTPublicKey: key.config()}, nil)
	now := time.Now()
	good := key.sign(t, jwt.MapClaims{"sub": "someone"})
	tampered := good[:len(good)-10] + strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, good[len(good)-10:])
	for _, c := range []struct {
		name, header, value string
		status              int
		word                string
	}{
		{"good", "Authorization", "Bearer " + good, 200, ""},
		{"good again", "Authorization", "Bearer " + good, 200, ""},
		{"other header", "X-Auth-Token", good, 200, ""},
		{"not yet expired", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"exp": now.Add(time.Hour).Unix()}), 200, ""},
		{"roles of another form", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"roles": "admin"}), 200, ""},
		{"none", "X-Other", "x", 401, "Use JWT Authentication"},
		{"empty", "Authorization", "Bearer ", 401, "Use JWT Authentication"},
		{"lower case", "Authorization", "bearer " + good, 401, "Use JWT Authentication"},
		{"two spaces", "Authorization", "Bearer  " + good, 401, "malformed"},
		{"without bearer", "Authorization", good, 401, "Use JWT Authentication"},
		{"basic", "Authorization", "Basic dXNlcjpwYXNz", 401, "Use JWT Authentication"},
		{"garbage", "Authorization", "Bearer garbage", 401, "malformed"},
		{"tampered", "Authorization", "Bearer " + tampered, 401, "signature"},
		{"expired", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"exp": 1700000000}), 401, "expired at 2023-11-14T22:13:20Z"},
		{"not yet valid", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"nbf": 4102444800}), 401, "not valid before 2100-01-01T00:00:00Z"},
		{"issued later", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"iat": 4102444800}), 401, "issued in the future, at 2100-01-01T00:00:00Z"},
		{"odd exp", "Authorization", "Bearer " + key.sign(t, jwt.MapClaims{"exp": "soon"}), 401, "not accepted"},
		{"wrong key", "Authorization", "Bearer " + other.sign(t, jwt.MapClaims{}), 401, "signature does not match the configured public key"},
		{"alg none", "Authorization", "Bearer " + sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{}), 401, `"none" is not accepted: EdDSA`},
		{"HS256 with the public key", "Authorization", "Bearer " + sign(t, jwt.SigningMethodHS256, []byte(key.public), jwt.MapClaims{}), 401, `"HS256" is not accepted: EdDSA`},
		{"HS256 with its text", "Authorization", "Bearer " + sign(t, jwt.SigningMethodHS256, []byte(key.config()), jwt.MapClaims{}), 401, `"HS256" is not accepted: EdDSA`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			for _, path := range []string{"/api/query", "/api/query/", "/api/healthcheck", "/api/write"} {
				a := f.send("POST", path, "{}", c.header, c.value)
				switch {
				case c.status == 401:
					f.wantError(a, 401, c.word)
					if a.header.Get("WWW-Authenticate") != "Bearer" {
						t.Errorf("%s: 401 with %v", path, a.header)
					}
				case path == "/api/write":
					f.wantError(a, 400, "not a line")
				case a.status != c.status:
					t.Errorf("%s: %d %s", path, a.status, a.body)
				}
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				if a := f.send("GET", path, "", c.header, c.value); a.status != 200 {
					t.Errorf("%s: %d", path, a.status)
				}
			}
		})
	}
}

func TestRoles(t *testing.T) {
	key := newKeyPair(t)
	token := func(roles ...string) string { return key.sign(t, jwt.MapClaims{"roles": roles}) }
	requests := []struct{ class, method, path, body string }{
		{"query", "GET", "/api/query", "{}"},
		{"query", "GET", "/api/healthcheck/", "{}"},
		{"write", "POST", "/api/write/?cluster=alex", ""},
		{"free", "POST", "/api/free/?to=1", "[]"},
		{"debug", "GET", "/api/debug/below", ""},
	}
	for _, c := range []struct {
		name  string
		need  map[string][]string
		token string
		open  string
	}{
		{"no roles", nil, token(), "query write"},
		{"other roles", nil, token("user", "Admin"), "query write"},
		{"admin", nil, token("user", "admin"), "query write free debug"},
		{"api", nil, token("api"), "query write free debug"},
		{"ROLE_ADMIN", nil, token("ROLE_ADMIN"), "query write free debug"},
		{"ROLE_API", nil, token("ROLE_API"), "query write free debug"},
		{"configured", map[string][]string{"write": {"collector"}, "query": {"reader", "api"}}, token("collector"), "write"},
		{"configured, the other", map[string][]string{"write": {"collector"}, "query": {"reader", "api"}}, token("api"), "query free debug"},
		{"opened", map[string][]string{"debug": {}}, token(), "query write debug"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, Config{JWTPublicKey: key.config(), JWTRoles: c.need}, nil)
			for range 2 { // the second time from the cache
				for _, r := range requests {
					a := f.send(r.method, r.path, r.body, "Authorization", "Bearer "+c.token)
					if strings.Contains(c.open, r.class) {
						if a.status != 200 {
							t.Errorf("%s: %d %s", r.path, a.status, a.body)
						}
						continue
					}
					f.wantError(a, 403, "needs a token with one of the roles")
				}
			}
		})
	}
}

func TestOpenWithoutKey(t *testing.T) {
	f := start(t, Config{JWTRoles: map[string][]string{"free": {"admin"}}}, nil)
	if a := f.send("POST", "/api/free?to=1", "[]"); a.status != 200 {
		t.Errorf("free: %d %s", a.status, a.body)
	}
}
