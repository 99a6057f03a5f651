package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// backend asks cc-backend which hosts have jobs. It is safe for concurrent use.
type backend struct {
	url   string // without a slash at the end
	token string // empty: none is sent
}

// maxNodesBody bounds the answer: 10,000 hosts take some 200 KB.
const maxNodesBody = 64 << 20

// hostsInUse returns the hosts, by cluster, of the running jobs that began
// before the given time.
func (b *backend) hostsInUse(ctx context.Context, before time.Time) (map[string]map[string]bool, error) {
	address := b.url + "/api/jobs/used_nodes?ts=" + strconv.FormatInt(before.Unix(), 10)
	hosts, err := b.ask(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("ask %s (main.backend-url) for the hosts of running jobs: %w", address, err)
	}
	return hosts, nil
}

func (b *backend) ask(ctx context.Context, address string) (map[string]map[string]bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	client := http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		if e, ok := err.(*url.Error); ok {
			err = e.Err // hostsInUse says the address
		}
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxNodesBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return parseNodes(body)
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%s: main.backend-token has to be a token of a user with the role api, and this node's address one that the backend allows", answer.Status)
	}
	return nil, fmt.Errorf("%s: %.200s", answer.Status, body)
}

// parseNodes reads {"usedNodes": {"cluster": ["host", ...]}}, or the inner
// object alone.
func parseNodes(body []byte) (map[string]map[string]bool, error) {
	var outer struct {
		UsedNodes map[string][]string `json:"usedNodes"`
	}
	err := json.Unmarshal(body, &outer)
	clusters := outer.UsedNodes
	if err != nil || clusters == nil {
		if bare := json.Unmarshal(body, &clusters); bare != nil {
			return nil, fmt.Errorf("the answer has neither of the known forms: %w", bare)
		}
	}
	out := make(map[string]map[string]bool, len(clusters))
	for cluster, hosts := range clusters {
		out[cluster] = make(map[string]bool, len(hosts))
		for _, host := range hosts {
			out[cluster][host] = true
		}
	}
	return out, nil
}
