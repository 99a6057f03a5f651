package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
	"cc-metric-store/store"
)

// tokenVariable is the environment variable with the token for a node that runs.
const tokenVariable = "CC_TOKEN"

// persistent writes a body again until it is taken.
type persistent struct {
	once func(ctx context.Context, lines []byte) (*refusedLines, error)
	patience
}

func (p persistent) write(ctx context.Context, lines []byte) (refused *refusedLines, err error) {
	err = p.until(ctx, "its samples to be taken", func(ctx context.Context) (err error) {
		refused, err = p.once(ctx, lines)
		return err
	})
	return refused, err
}

// intoLog writes to the log of this process.
func intoLog(in *ingest.Ingest) func(context.Context, []byte) (*refusedLines, error) {
	return func(ctx context.Context, lines []byte) (*refusedLines, error) {
		err := in.Write(ctx, "", bytes.NewReader(lines))
		if refused, ok := errors.AsType[*store.RefusedError](err); ok {
			return &refusedLines{refused.Lines, refused.Reason}, nil
		}
		return nil, err
	}
}

// runningNode is a node that answers over REST.
type runningNode struct {
	url    string
	token  string
	client *http.Client
}

// nodeOf returns the node at the address of the configuration.
func nodeOf(cfg *config.Config, token string) (*runningNode, error) {
	host, port, err := net.SplitHostPort(cfg.Main.Addr)
	if err != nil {
		return nil, fmt.Errorf("main.addr: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if cfg.Main.HTTPSCertFile != "" {
		scheme = "https"
	}
	return &runningNode{
		url: scheme + "://" + net.JoinHostPort(host, port), token: token,
		client: &http.Client{
			Timeout: time.Minute,
			// As with -ready: nobody stands between two programs of one machine.
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: loopback(host)}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// isRunning reports whether the node answers. That another program does is an error.
func (n *runningNode) isRunning(ctx context.Context) (bool, error) {
	status, text, err := n.do(ctx, http.MethodGet, "/readyz", nil)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EADDRNOTAVAIL): // the second one: of port 0
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask whether the node of this configuration is running: %w", err)
	case status != http.StatusOK && status != http.StatusServiceUnavailable:
		return false, fmt.Errorf("another program answers at %s (main.addr), with %d %.100q: stop it, or give the address of the node with -addr", n.url, status, text)
	}
	return true, nil
}

// ready returns nil if the node takes writes.
func (n *runningNode) ready(ctx context.Context) error {
	status, text, err := n.do(ctx, http.MethodGet, "/readyz", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s/readyz says %d %.200s", n.url, status, text)
	}
	return err
}

// do sends a request and returns the beginning of the answer.
func (n *runningNode) do(ctx context.Context, method, path string, body []byte) (status int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, n.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token)
	}
	answer, err := n.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(io.LimitReader(answer.Body, maxReadyBody))
	return answer.StatusCode, string(bytes.TrimSpace(all)), err
}

// write writes over REST: 200 says that the lines are kept and visible.
func (n *runningNode) write(ctx context.Context, lines []byte) (*refusedLines, error) {
	status, text, err := n.do(ctx, http.MethodPost, "/api/write", lines)
	if err != nil {
		return nil, err
	}
	var fault struct{ Error string }
	if json.Unmarshal([]byte(text), &fault) == nil && fault.Error != "" {
		text = fault.Error
	}
	switch {
	case status == http.StatusOK:
		return nil, nil
	case status == http.StatusBadRequest:
		return parseRefusal(text), nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, permanentError{fmt.Errorf("%s says %d %s: put a token that may write into the environment variable %s (-gen-token api makes one)", n.url, status, text, tokenVariable)}
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout:
		return nil, fmt.Errorf("%s says %d %s", n.url, status, text)
	}
	return nil, permanentError{fmt.Errorf("%s says %d %s", n.url, status, text)}
}

// parseRefusal takes the number of lines and the reason from the text of a store.RefusedError.
func parseRefusal(text string) *refusedLines {
	r := &refusedLines{lines: 1, reason: regexp.MustCompile(`^line [0-9]+: |( \(and [0-9]+ more refused lines\))?; all other lines are stored$`).ReplaceAllString(text, "")}
	if m := regexp.MustCompile(`^([0-9]+) samples `).FindStringSubmatch(text); m != nil {
		r.lines, _ = strconv.Atoi(m[1])
	} else if m := regexp.MustCompile(`\(and ([0-9]+) more refused lines\)`).FindStringSubmatch(text); m != nil {
		more, _ := strconv.Atoi(m[1])
		r.lines += more
	}
	return r
}
