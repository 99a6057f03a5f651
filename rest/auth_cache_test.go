package rest

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestTokenCache(t *testing.T) {
	c := newTokenCache()
	now := time.Unix(1000, 0)
	c.put("short", grant{roles: []string{"api"}, expires: now.Add(time.Second)}, now)
	c.put("for ever", grant{}, now)
	if g, ok := c.get("short", now); !ok || g.roles[0] != "api" {
		t.Error("a grant is forgotten")
	}
	later := now.Add(time.Second)
	if _, ok := c.get("short", later); ok {
		t.Error("a grant outlives its token")
	}
	if _, ok := c.get("for ever", later.Add(1e6*time.Hour)); !ok {
		t.Error("a token without end has one")
	}
	for i := range 3 * maxGrants {
		c.put(fmt.Sprint(i), grant{expires: now.Add(time.Duration(i) * time.Second)}, now)
		if len(c.grants) > maxGrants {
			t.Fatalf("%d grants are kept", len(c.grants))
		}
	}
	// With all but a few expired, those few stay.
	kept := []string{"a", "b", "c"}
	for _, token := range kept {
		c.put(token, grant{}, now.Add(1e6*time.Second))
	}
	for _, token := range kept {
		if _, ok := c.get(token, now); !ok {
			t.Errorf("%s went before those that had expired", token)
		}
	}
}

func TestRejectedTokensAreNotCached(t *testing.T) {
	key, other := newKeyPair(t), newKeyPair(t)
	a := newAuthenticator(key.public, nil)
	for _, token := range []string{"x", other.sign(t, jwt.MapClaims{}), key.sign(t, jwt.MapClaims{})} {
		r := httptest.NewRequest("GET", "/api/query", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if _, err := a.authenticate(bearerToken(r)); errors.Is(err, errNoToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
	if len(a.cache.grants) != 1 { // the last one
		t.Errorf("%d grants", len(a.cache.grants))
	}
}
