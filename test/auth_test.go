package test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	key, other := newKeyPair(t), newKeyPair(t)
	n := start(t, withKey(key.config()))
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	user := jwt.MapClaims{"sub": "user"}
	good := key.token(t, user)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin","roles":["admin"]}`))
	for _, c := range []struct {
		name   string
		header []string
		status int
		says   string
	}{
		{"good, without end", []string{"Authorization", "Bearer " + good}, 200, ""},
		{"good, with times", []string{"Authorization", "Bearer " + key.token(t, jwt.MapClaims{"exp": future, "nbf": past, "iat": past})}, 200, ""},
		{"in the other header", []string{"X-Auth-Token", good}, 200, ""},
		{"none", nil, 401, "Use JWT Authentication"},
		{"without its scheme", []string{"Authorization", good}, 401, "Use JWT Authentication"},
		{"lower case", []string{"Authorization", "bearer " + good}, 401, "Use JWT Authentication"},
		{"empty", []string{"Authorization", "Bearer "}, 401, "Use JWT Authentication"},
		{"two blanks", []string{"Authorization", "Bearer  " + good}, 401, ""},
		{"expired", []string{"Authorization", "Bearer " + key.token(t, jwt.MapClaims{"exp": past})}, 401, "expired"},
		{"not yet valid", []string{"Authorization", "Bearer " + key.token(t, jwt.MapClaims{"nbf": future})}, 401, "not valid before"},
		{"issued in the future", []string{"Authorization", "Bearer " + key.token(t, jwt.MapClaims{"iat": future})}, 401, "issued in the future"},
		{"wrong key", []string{"Authorization", "Bearer " + other.token(t, user)}, 401, "signature"},
		{"alg none", []string{"Authorization", "Bearer " + signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, user)}, 401, "none"},
		{"HS256 with the public key", []string{"Authorization", "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(key.public), user)}, 401, "HS256"},
		{"HS256 with the key's text", []string{"Authorization", "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(key.config()), user)}, 401, "HS256"},
		{"other claims", []string{"Authorization", "Bearer " + header + "." + forged + "." + signature}, 401, "signature"},
		{"no signature", []string{"Authorization", "Bearer " + header + "." + payload + "."}, 401, "signature"},
		{"garbage", []string{"Authorization", "Bearer \xff.\x01.="}, 401, ""},
		{"long garbage", []string{"Authorization", "Bearer " + strings.Repeat("a.", 1<<12)}, 401, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := n.with(t)
			for _, r := range [][3]string{
				{"GET", "/api/query", anyQuery},
				{"POST", "/api/write/?cluster=alex", ramp("a", 2)},
				{"GET", "/api/healthcheck", `{"cluster":"alex","nodes":[]}`},
			} {
				a, err := n.try(r[0], r[1], r[2], c.header...)
				switch {
				case err != nil:
					if c.name != "garbage" { // the client may refuse to send it
						t.Error(err)
					}
				case c.status == 200:
					if a.status != 200 {
						t.Errorf("%s: %d %s", r[1], a.status, a.body)
					}
				default:
					n.wantError(a, c.status, c.says)
				}
			}
		})
	}
	// Probes and counters carry no token.
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if a := n.send("GET", path, ""); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestExpiryIsNoticed: a token that was good once is not good for ever.
func TestExpiryIsNoticed(t *testing.T) {
	t.Parallel()
	key := newKeyPair(t)
	n := start(t, withKey(key.config()))
	var short string
	lifetime := time.Second
	n.waitFor("a token to be accepted before it expires", func() error {
		lifetime *= 2 // the machine may be slow
		short = key.token(t, jwt.MapClaims{"exp": time.Now().Add(lifetime).Unix()})
		if a := n.send("GET", "/api/query", anyQuery, "Authorization", "Bearer "+short); a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	n.waitFor("the token to expire", func() error {
		a := n.send("GET", "/api/query", anyQuery, "Authorization", "Bearer "+short)
		if a.status == 200 {
			return fmt.Errorf("it is still accepted")
		}
		n.wantError(a, 401, "expired")
		return nil
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	key := newKeyPair(t)
	for _, c := range []struct {
		name    string
		roles   object // of the configuration, nil: none
		claim   any
		allowed string // of query, write, free, debug
	}{
		{"no roles", nil, nil, "query write"},
		{"user", nil, []string{"user", "Admin"}, "query write"},
		{"roles of no list", nil, "admin", "query write"},
		{"admin", nil, []string{"user", "admin"}, "query write free debug"},
		{"api", nil, []string{"api"}, "query write free debug"},
		{"ROLE_ADMIN", nil, []string{"ROLE_ADMIN"}, "query write free debug"},
		{"ROLE_API", nil, []string{"ROLE_API"}, "query write free debug"},
		{"configured, none", object{"write": []string{"collector"}, "debug": []string{}}, nil, "query debug"},
		{"configured, collector", object{"write": []string{"collector"}, "debug": []string{}}, []string{"collector"}, "query write debug"},
		{"configured, admin", object{"write": []string{"collector"}, "query": []string{"reader", "admin"}}, []string{"admin"}, "query free debug"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := withKey(key.config())
			if c.roles != nil {
				section(cfg, "main")["jwt-roles"] = c.roles
			}
			n := start(t, cfg)
			claims := jwt.MapClaims{"sub": "someone"}
			if c.claim != nil {
				claims["roles"] = c.claim
			}
			for class, r := range map[string][3]string{
				"query": {"GET", "/api/query", anyQuery},
				"write": {"POST", "/api/write", ramp("a", 2)},
				"free":  {"POST", "/api/free?to=1", "[]"},
				"debug": {"GET", "/api/debug", ""},
			} {
				a := n.send(r[0], r[1], r[2], "Authorization", "Bearer "+key.token(t, claims))
				if strings.Contains(c.allowed, class) {
					if a.status != 200 {
						t.Errorf("%s: %d %s", class, a.status, a.body)
					}
				} else {
					n.wantError(a, 403, "role")
				}
			}
		})
	}
}

// TestDocumentedKey: the form of the key, and with it that of tokens, is that
// of the files in use.
func TestDocumentedKey(t *testing.T) {
	t.Parallel()
	n := start(t, withKey("kzfYrYy+TzpanWZHJ5qSdMj5uKUWgq74BWhQG6copP0="))
	stranger := newKeyPair(t).token(t, jwt.MapClaims{"sub": "demo", "roles": []string{"admin"}})
	n.wantError(n.send("GET", "/api/query", anyQuery), 401, "Use JWT Authentication")
	n.wantError(n.send("GET", "/api/query", anyQuery, "Authorization", "Bearer "+stranger), 401, "signature")
}

func TestWithoutAKeyEverybodyMayDoEverything(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	for _, r := range [][3]string{
		{"GET", "/api/query", anyQuery}, {"POST", "/api/write", ramp("a", 2)}, {"POST", "/api/free?to=1", "[]"}, {"GET", "/api/debug", ""},
	} {
		for _, header := range [][]string{nil, {"Authorization", "Bearer nonsense"}} {
			if a := n.send(r[0], r[1], r[2], header...); a.status != 200 {
				t.Errorf("%s: %d %s", r[1], a.status, a.body)
			}
		}
	}
}
