package rest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// pair is a certificate for 127.0.0.1 and its key, in PEM.
type pair struct{ cert, key []byte }

func newPair(t *testing.T, serial int64) pair {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // a kind of key that TLS 1.1 knows
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})}
}

// writeFile replaces a file at once.
func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// selfSigned writes a certificate for 127.0.0.1.
func selfSigned(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	p, dir := newPair(t, 1), t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, certFile, p.cert)
	writeFile(t, keyFile, p.key)
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(p.cert)
	return certFile, keyFile, pool
}

// TestCertificateIsRenewed replaces the files below a running server, by good ones and by
// ones that cannot be used.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	cert, key, _ := selfSigned(t)
	lines := &testkit.LogBuffer{}
	s, err := New(Config{Addr: "127.0.0.1:0", CertFile: cert, KeyFile: key, Logger: slog.New(slog.NewTextHandler(lines, nil))}, newStore(t), &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	// serial asks with a new connection, and returns the number of the certificate.
	serial := func() int64 {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // each signs itself
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(s.URL() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%d, %v", resp.StatusCode, err)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	served := func(before, after int64) {
		t.Helper()
		testkit.Eventually(t, "the next certificate", func() bool {
			n := serial()
			if n != before && n != after {
				t.Fatalf("certificate %d after %d", n, before)
			}
			return n == after
		})
	}
	warned := func(number int, word string, still int64) {
		t.Helper()
		testkit.Eventually(t, "a warning with "+word, func() bool {
			if n := serial(); n != still {
				t.Fatalf("certificate %d, want %d", n, still)
			}
			return strings.Count(lines.String(), "level=WARN") == number && strings.Contains(lines.String(), word)
		})
	}
	if n := serial(); n != 1 {
		t.Fatalf("certificate %d at the start", n)
	}
	second, third := newPair(t, 2), newPair(t, 3)
	writeFile(t, key, second.key)
	writeFile(t, cert, second.cert)
	served(1, 2)
	started := strings.Count(lines.String(), "level=WARN") // of the moment between the two files, if it was seen

	writeFile(t, cert, []byte("nothing"))
	warned(started+1, cert, 2)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	warned(started+2, "no such file", 2)
	for range 3 {
		if n := serial(); n != 2 {
			t.Errorf("certificate %d while the files cannot be used", n)
		}
	}
	writeFile(t, cert, third.cert)
	warned(started+3, "no such file", 2)
	writeFile(t, key, third.key)
	served(2, 3)
	if !strings.Contains(lines.String(), "the TLS certificate was renewed") {
		t.Errorf("the log does not say so: %s", lines)
	}
}

// TestCertificateIsLookedAtOnceASecond counts the looks by a clock of its own, and the
// warnings of files that stay broken.
func TestCertificateIsLookedAtOnceASecond(t *testing.T) {
	cert, key, _ := selfSigned(t)
	lines := &testkit.LogBuffer{}
	c := &certificate{certFile: cert, keyFile: key, logger: slog.New(slog.NewTextHandler(lines, nil))}
	var now atomic.Int64
	c.now = func() time.Time { return time.Unix(now.Load(), 0) }
	if _, err := c.readLocked(); err != nil {
		t.Fatal(err)
	}
	c.looked = c.now()
	writeFile(t, key, newPair(t, 2).key)
	for _, want := range []struct {
		at       int64
		warnings int
	}{{0, 0}, {1, 1}, {1, 1}, {2, 1}, {100, 1}} {
		now.Store(want.at)
		got, err := c.get(nil)
		if err != nil || got.Leaf.SerialNumber.Int64() != 1 {
			t.Fatalf("at %d s: %v, %v", want.at, got, err)
		}
		if n := strings.Count(lines.String(), "level=WARN"); n != want.warnings {
			t.Errorf("at %d s: %d warnings, want %d", want.at, n, want.warnings)
		}
	}
	c.mu.Lock() // as if a look did not end
	defer c.mu.Unlock()
	if got, err := c.get(nil); err != nil || got == nil {
		t.Errorf("a handshake waits for the disk: %v", err)
	}
}

// TestCertificateIsReadAgainUntilItCanBe mends a file in a way that its state does not show,
// as new permissions do not.
func TestCertificateIsReadAgainUntilItCanBe(t *testing.T) {
	cert, key, _ := selfSigned(t)
	lines := &testkit.LogBuffer{}
	now := time.Unix(0, 0)
	c := &certificate{certFile: cert, keyFile: key, logger: slog.New(slog.NewTextHandler(lines, nil)), now: func() time.Time { return now }}
	if _, err := c.readLocked(); err != nil {
		t.Fatal(err)
	}
	c.looked = now
	second := newPair(t, 2)
	writeKey := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(key, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(key, now, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, cert, second.cert)
	writeKey(make([]byte, len(second.key)))
	for i, want := range []int64{1, 1, 2, 2} {
		if i == 2 {
			writeKey(second.key)
		}
		now = now.Add(certificateInterval)
		got, err := c.get(nil)
		if err != nil || got.Leaf.SerialNumber.Int64() != want {
			t.Errorf("look %d: certificate %v, %v, want %d", i, got.Leaf.SerialNumber, err, want)
		}
	}
	if n := strings.Count(lines.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, lines)
	}
}

// TestNoLockIsHeldWhileARenewalIsLogged: see lockWatcher.
func TestNoLockIsHeldWhileARenewalIsLogged(t *testing.T) {
	cert, key, _ := selfSigned(t)
	c := &certificate{certFile: cert, keyFile: key, now: time.Now}
	w := &lockWatcher{t: t, mu: &c.mu}
	c.logger = slog.New(w)
	if _, err := c.get(nil); err != nil || w.records != 1 {
		t.Errorf("%d lines, %v", w.records, err)
	}
	writeFile(t, cert, nil)
	c.looked = time.Time{}
	if _, err := c.get(nil); err != nil || w.records != 2 {
		t.Errorf("%d lines, %v", w.records, err)
	}
}
