package rest

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
)

//lint:ignore ST1005 these are the words that clients know
var errNoToken = errors.New("Use JWT Authentication")

// grant is what a valid token allows.
type grant struct {
	roles   []string
	expires time.Time // zero: the token is valid for ever
}

func (g grant) expired(now time.Time) bool {
	return !g.expires.IsZero() && !now.Before(g.expires)
}

// authenticator checks the tokens of requests. It is safe for concurrent use.
type authenticator struct {
	key    ed25519.PublicKey
	need   map[class][]string // roles of which a token needs one; none: any token will do
	parser *jwt.Parser
	cache  *tokenCache
}

func newAuthenticator(key ed25519.PublicKey, need map[class][]string) *authenticator {
	return &authenticator{
		key:    key,
		need:   need,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuedAt()),
		cache:  newTokenCache(),
	}
}

// require returns the middleware that lets requests pass if they carry a valid token
// with one of the roles that the class needs. It answers others 401 or 403.
func (a *authenticator) require(of class) echo.MiddlewareFunc { return a.requireBy(bearerToken, of) }

// requireBy is require for clients that send their token in a way of their own.
func (a *authenticator) requireBy(tokenOf func(*http.Request) string, of class) echo.MiddlewareFunc {
	need := a.need[of]
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			g, err := a.authenticate(tokenOf(c.Request()))
			if err != nil {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
				return refuse(http.StatusUnauthorized, err)
			}
			if len(need) > 0 && !slices.ContainsFunc(need, func(role string) bool { return slices.Contains(g.roles, role) }) {
				return refuse(http.StatusForbidden, fmt.Errorf("%s needs a token with one of the roles %s, this one has %s",
					c.Request().URL.Path, join(need), rolesOf(g)))
			}
			return next(c)
		}
	}
}

// rolesOf lists the roles of a grant for a message.
func rolesOf(g grant) string {
	if len(g.roles) == 0 {
		return "none"
	}
	return join(g.roles)
}

// bearerToken returns the token of a request, empty if it has none.
func bearerToken(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get(echo.HeaderAuthorization), "Bearer "); ok {
		return token
	}
	return r.Header.Get("X-Auth-Token")
}

// authenticate returns what a token grants. It remembers valid tokens.
func (a *authenticator) authenticate(token string) (grant, error) {
	if token == "" {
		return grant{}, errNoToken
	}
	now := time.Now()
	if g, ok := a.cache.get(token, now); ok {
		return g, nil
	}
	g, err := a.verify(token)
	if err != nil {
		return grant{}, err
	}
	a.cache.put(token, g, now)
	return g, nil
}

// verify checks the signature, the algorithm and the times of a token.
func (a *authenticator) verify(token string) (grant, error) {
	claims := jwt.MapClaims{}
	parsed, err := a.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return a.key, nil })
	if err != nil {
		return grant{}, explainToken(err, parsed, claims)
	}
	g := grant{roles: roles(claims["roles"])}
	if exp, err := claims.GetExpirationTime(); err == nil && exp != nil {
		g.expires = exp.Time
	}
	return g, nil
}

// roles reads the claim of that name. What is no list of strings names no roles.
func roles(claim any) []string {
	list, _ := claim.([]any)
	var out []string
	for _, item := range list {
		if role, ok := item.(string); ok {
			out = append(out, role)
		}
	}
	return out
}

// explainToken says what is wrong with a token, in words for its owner.
func explainToken(err error, token *jwt.Token, claims jwt.MapClaims) error {
	if token != nil {
		if alg, ok := token.Header["alg"].(string); ok && alg != jwt.SigningMethodEdDSA.Alg() {
			return fmt.Errorf("the token's algorithm %q is not accepted: EdDSA is required", alg)
		}
	}
	at := func(name string) string {
		if s, ok := claims[name].(float64); ok {
			return time.Unix(int64(s), 0).UTC().Format(time.RFC3339)
		}
		return "an unknown time"
	}
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return fmt.Errorf("the token is malformed: %w", err)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errors.New("the token's signature does not match the configured public key")
	case errors.Is(err, jwt.ErrTokenExpired):
		return fmt.Errorf("the token expired at %s", at("exp"))
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return fmt.Errorf("the token is not valid before %s", at("nbf"))
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return fmt.Errorf("the token was issued in the future, at %s: compare the clocks", at("iat"))
	}
	return fmt.Errorf("the token is not accepted: %w", err)
}
