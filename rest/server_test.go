package rest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"cc-metric-store/store"
)

func TestConfigFaults(t *testing.T) {
	_, err := New(Config{
		Addr:         "nowhere",
		CertFile:     "cert.pem",
		JWTPublicKey: "%%%",
		JWTRoles:     map[string][]string{"fre": {"x"}},
	}, nil, nil)
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, w := range []string{"configure REST: ", `address "nowhere"`, "cert.pem has no key file", "JWT public key", `"fre"`, "debug, free, query, write"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
	for _, c := range []struct {
		cfg  Config
		word string
	}{
		{Config{Addr: "localhost:99999"}, "localhost:99999"},
		{Config{KeyFile: "key.pem"}, "key.pem has no certificate file"},
		{Config{CertFile: "none.pem", KeyFile: "none.key"}, "load certificate none.pem and key none.key"},
		{Config{JWTPublicKey: "AAAA"}, "has 3 bytes"},
	} {
		if _, err := New(c.cfg, nil, nil); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	if s, err := New(Config{}, nil, nil); err != nil || s.addr() != "localhost:8080" || s.URL() != "http://localhost:8080" {
		t.Errorf("defaults: %v", err)
	}
}

func TestListenFaults(t *testing.T) {
	f := start(t, Config{}, nil)
	again, err := New(Config{Addr: f.server.addr()}, f.store, f.log)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "call Listen first") {
		t.Errorf("Run without Listen: %v", err)
	}
	if err := again.Listen(); err == nil || !strings.Contains(err.Error(), "listen for REST") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Listen on a port in use: %v", err)
	}
}

func TestURL(t *testing.T) {
	for addr, want := range map[string]string{":8082": "http://localhost:8082", "0.0.0.0:80": "http://localhost:80", "[::]:80": "http://localhost:80", "[::1]:80": "http://[::1]:80", "node:80": "http://node:80"} {
		s, err := New(Config{Addr: addr}, nil, nil)
		if err != nil || s.URL() != want {
			t.Errorf("%s: %s (%v), want %s", addr, s.URL(), err, want)
		}
	}
}

// held holds its first query until it is let go.
type held struct {
	*store.Store
	entered, release chan struct{}
}

func (h held) QueryEach(context.Context, *store.Query, func(*store.Series) error) error {
	close(h.entered)
	<-h.release
	return nil
}

func TestStopWaitsForRequests(t *testing.T) {
	h := held{newStore(t), make(chan struct{}), make(chan struct{})}
	f := start(t, Config{}, h)
	answered := make(chan answer)
	go func() {
		a, _ := f.try("GET", "/api/query", strings.NewReader(manyQueries(1)))
		answered <- a
	}()
	<-h.entered
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	for { // the listener is closed first
		conn, err := net.Dial("tcp", f.server.addr())
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("Run returned before the request was answered: %v", err)
	default:
	}
	close(h.release)
	if a := <-answered; a.body != `{"results":[[]]}`+"\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestDrainWaitsForHandlers(t *testing.T) {
	h := held{newStore(t), make(chan struct{}), make(chan struct{})}
	s, err := New(Config{Addr: "127.0.0.1:0"}, h, &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(s.serveHTTP)}
	served := make(chan error, 1)
	go func() { served <- s.serve(srv) }()
	lost := make(chan error, 1)
	go func() {
		resp, err := http.Post(s.URL()+"/api/query", "", strings.NewReader(manyQueries(1)))
		if err == nil {
			_ = resp.Body.Close()
		}
		lost <- err
	}()
	<-h.entered
	drained := make(chan struct{})
	go func() {
		s.drain(srv)
		close(drained)
	}()
	if err := <-lost; err == nil {
		t.Error("the connection was not closed")
	}
	select {
	case <-drained:
		t.Fatal("drain returned before the handler")
	default:
	}
	close(h.release)
	<-drained
	<-served
}

func TestTLS(t *testing.T) {
	cert, key, pool := selfSigned(t)
	s, err := New(Config{Addr: "127.0.0.1:0", CertFile: cert, KeyFile: key}, newStore(t), &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	get := func(version uint16) error {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: version}}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(s.URL() + "/healthz")
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("URL %s", s.URL())
	}
	for version, ok := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: true, tls.VersionTLS11: false} {
		if err := get(version); (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
