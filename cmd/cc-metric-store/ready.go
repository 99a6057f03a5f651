package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// readyTimeout bounds the question and its answer.
	readyTimeout = 3 * time.Second
	// maxReadyBody bounds what is read of an answer.
	maxReadyBody = 64 << 10
)

// printReady asks the node at the URL whether it is ready, with all whether another node of its
// cluster may be stopped, and prints what it says. Not to be ready, and to give no answer within
// readyTimeout, is an error.
func printReady(ctx context.Context, stdout io.Writer, base string, all bool) error {
	address, err := readyAddress(base)
	if err != nil {
		return fmt.Errorf("-ready: %w", err)
	}
	if all {
		address.RawQuery = "all"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	status, text, err := askReady(ctx, address)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("not ready: %s gives no answer within %v", address, readyTimeout)
	case err != nil:
		return fmt.Errorf("not ready: %w", err)
	case status != http.StatusOK:
		return fmt.Errorf("not ready: %s says %d: %s", address, status, text)
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

// readyAddress returns the URL to ask: base with the path of the probe at its end.
func readyAddress(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a node, such as http://localhost:8080", base)
	}
	if !strings.HasSuffix(u.Path, "/readyz") {
		u = u.JoinPath("readyz")
	}
	return u, nil
}

// askReady returns the status and the text of the answer. No proxy is asked and no
// redirection followed: it is this node that matters.
func askReady(ctx context.Context, address *url.URL) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return 0, "", err
	}
	// Nobody stands between two programs of one machine, and the certificate there is made
	// for the name that others use, perhaps by an authority that this machine does not know.
	unverified := loopback(address.Hostname())
	client := http.Client{
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: unverified},
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxReadyBody))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer of %s: %w", address, err)
	}
	return answer.StatusCode, strings.TrimSpace(string(body)), nil
}

// loopback reports whether a host of a URL is this machine, by its name alone.
func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
