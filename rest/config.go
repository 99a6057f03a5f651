package rest

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"cc-metric-store/rest/promapi"
)

// Config describes a Server. The zero value of each field means its default.
type Config struct {
	// Addr is the address to listen on, host:port. Default localhost:8080.
	Addr string
	// CertFile and KeyFile name a certificate chain and its key, both in PEM.
	// With them the server speaks HTTPS (TLS 1.2 or later), without them HTTP. They are
	// read again when they change.
	CertFile, KeyFile string
	// JWTPublicKey is the Ed25519 key that tokens are checked with, its 32 bytes in
	// standard base64. Without it everybody may do everything.
	JWTPublicKey string
	// JWTRoles lists for a class of endpoints the roles of which a token needs
	// one; an empty list lets every valid token in. The classes are query (with
	// the health check), write, free and debug. A class that is absent keeps
	// its default: free and debug need admin, api, ROLE_ADMIN or ROLE_API, the
	// others no role.
	JWTRoles map[string][]string
	// Dev adds the Swagger page below /swagger/.
	Dev bool
	// Page is what the page at / shows. nil: there is no page, and nothing below /api/page.
	Page *Page
	// Degraded returns what an operator has to see to although everything is
	// answered, nil if there is nothing. GET /readyz shows it. Optional.
	Degraded func() error
	// Observe is called for each request when it is answered, with the endpoint, such
	// as "query", or "other", the status, and how long it took. Optional.
	Observe func(endpoint string, status int, took time.Duration)
	// Metrics answers GET /metrics. Without it there is no such path.
	Metrics http.Handler
	// Prometheus bounds the requests below /api/v1/.
	Prometheus promapi.Config
	// PrometheusQueries is how many of them are answered at once. Default: the number of cores, at
	// most 8, as each may take memory up to its bounds.
	PrometheusQueries int
	// Version is the program's version, which the Swagger page shows.
	Version string
	// Logger receives a line for each request: at level debug, and warn if the
	// answer is a 5xx. Default: discard.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = "localhost:8080"
	}
	c.Prometheus = c.Prometheus.WithDefaults()
	if c.PrometheusQueries == 0 {
		c.PrometheusQueries = min(runtime.GOMAXPROCS(0), 8)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// settings is what the texts of a valid Config stand for.
type settings struct {
	tls  *tls.Config       // nil: plain HTTP
	key  ed25519.PublicKey // nil: no authentication
	need map[class][]string
}

// validate reports all faults of c at once.
func (c Config) validate() (settings, error) {
	var out settings
	var faults []error
	add := func(err error) {
		if err != nil {
			faults = append(faults, err)
		}
	}
	var err error
	add(checkAddr(c.Addr))
	if c.PrometheusQueries < 0 {
		add(fmt.Errorf("%d queries of Prometheus' API at once are not possible", c.PrometheusQueries))
	}
	out.tls, err = loadTLS(c.CertFile, c.KeyFile, c.Logger)
	add(err)
	out.key, err = parseKey(c.JWTPublicKey)
	add(err)
	out.need, err = requiredRoles(c.JWTRoles)
	add(err)
	return out, errors.Join(faults...)
}

func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("address %q is not of the form host:port: %w", addr, err)
	}
	return nil
}

func parseKey(text string) (ed25519.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read the JWT public key: %w", err)
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the JWT public key has %d bytes, an Ed25519 key has %d", len(key), ed25519.PublicKeySize)
	}
	return key, nil
}

// requiredRoles returns the roles of which a token needs one, for each class.
func requiredRoles(configured map[string][]string) (map[class][]string, error) {
	trusted := []string{"admin", "api", "ROLE_ADMIN", "ROLE_API"}
	need := map[class][]string{
		classQuery: nil,
		classWrite: nil,
		classFree:  trusted,
		classDebug: trusted,
	}
	classes := slices.Sorted(maps.Keys(need))
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		if !slices.Contains(classes, class(name)) {
			faults = append(faults, fmt.Errorf("JWT roles are set for %q, which is none of %s", name, join(classes)))
			continue
		}
		need[class(name)] = configured[name]
	}
	return need, errors.Join(faults...)
}

// join lists words for a message.
func join[S ~string](list []S) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
