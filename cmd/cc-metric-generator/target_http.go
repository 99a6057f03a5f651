package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxPosted keeps a request well below the 64 MiB that a store takes at least.
	maxPosted = 32 << 20
	// postTimeout is the longest that the answer to one request may take.
	postTimeout = 15 * time.Second
	// maxReason bounds what is read of an error's body.
	maxReason = 4 << 10
)

// httpTarget posts each message to /api/write over one connection that is kept open.
type httpTarget struct {
	base   *url.URL
	jwt    string
	client *http.Client
	again  backoff
	tally  *tally
}

func openHTTP(base *url.URL, jwt string, again backoff, t *tally) *httpTarget {
	return &httpTarget{
		base: base,
		jwt:  jwt,
		client: &http.Client{
			Timeout:   postTimeout,
			Transport: &http.Transport{MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1, Proxy: http.ProxyFromEnvironment},
		},
		again: again,
		tally: t,
	}
}

func (*httpTarget) maxMessage() int { return maxPosted }

func (h *httpTarget) send(ctx context.Context, m message) error {
	h.tally.sent(m)
	address := h.base.JoinPath("/api/write")
	address.RawQuery = url.Values{"cluster": {m.cluster}}.Encode()

	var status int
	// A request that has begun is brought to its end, so that its outcome is known.
	begun := context.WithoutCancel(ctx)
	err := h.again.do(ctx, func() (again bool, err error) {
		status, err = h.post(begun, address.String(), m.body)
		passing := status == 0 || status == http.StatusTooManyRequests || status >= 500
		return passing, err
	})
	if err == nil {
		h.tally.acknowledged.Add(1)
		return nil
	}
	err = fmt.Errorf("post %d lines to %s: %w", m.lines, address.Redacted(), err)
	// 400 is a verdict on this message; any other refusal awaits the next
	// message as well.
	if status == http.StatusBadRequest {
		h.tally.fail(err)
		return nil
	}
	return err
}

// post makes one request. The status is 0 if there was no answer; every answer
// but 200 is an error.
func (h *httpTarget) post(ctx context.Context, address string, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	if h.jwt != "" {
		req.Header.Set("Authorization", "Bearer "+h.jwt)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		if cause, ok := err.(*url.Error); ok {
			err = cause.Err // the caller names method and address
		}
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReason))
	if resp.StatusCode == http.StatusOK {
		return resp.StatusCode, nil
	}
	reason := reasonOf(text, err)
	if resp.StatusCode == http.StatusUnauthorized {
		reason += " (give a valid token by -jwt or -jwt-file)"
	}
	return resp.StatusCode, fmt.Errorf("%s: %s", resp.Status, reason)
}

// reasonOf extracts what an error's body says.
func reasonOf(text []byte, err error) string {
	if err != nil {
		return "no reason: " + err.Error()
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(text, &answer) == nil && answer.Error != "" {
		return answer.Error
	}
	if s := strings.TrimSpace(string(text)); s != "" {
		return s
	}
	return "no reason given"
}

func (*httpTarget) flush(context.Context) error { return nil }

func (h *httpTarget) close() { h.client.CloseIdleConnections() }
