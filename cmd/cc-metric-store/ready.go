package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// readyTimeout bounds the question: a program that does not answer is not ready.
	readyTimeout = 5 * time.Second
	// maxReason bounds what is shown of the answer.
	maxReason = 4 << 10
)

// askReady asks a running program whether it is ready, with all whether another node may be
// stopped, and prints its answer. The error says why it is not. It is for checks of containers,
// and scripts.
func askReady(ctx context.Context, stdout io.Writer, address string, all bool) error {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return fmt.Errorf(`-ready %q is not the address of a program, such as "http://localhost:8080"`, address)
	}
	at = at.JoinPath("readyz")
	if all {
		at.RawQuery = "all"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	// The certificate is that of the name by which others know the program, and nothing secret is
	// sent or asked for.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReason))
	if err != nil {
		return fmt.Errorf("not ready: read the answer of %s: %w", at, err)
	}
	reason := strings.TrimSpace(string(text))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s: %s", answer.Status, reason)
	}
	_, err = fmt.Fprintln(stdout, reason)
	return err
}
