package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// checkTarget finds out what -url names, and refuses flags that mean nothing to it.
func (o *options) checkTarget(raw rawFlags, given map[string]bool) (faults []error) {
	if o.connections < 1 {
		faults = append(faults, fmt.Errorf("-connections %d: give 1 or more", o.connections))
	}
	if o.giveUp < 0 {
		faults = append(faults, fmt.Errorf("-give-up %v: give a positive duration, or 0 to try once", o.giveUp))
	}
	addresses, err := parseAddresses(raw.url)
	if err != nil {
		// Without a target nothing can be said about the flags for one.
		return append(faults, fmt.Errorf("-url %q: %w", raw.url, err))
	}
	switch {
	case addresses == nil:
		o.kind = kindStdout
		if o.connections > 1 {
			faults = append(faults, fmt.Errorf("-connections %d: standard output is one connection", o.connections))
		}
		faults = append(faults, misplaced(given, "to -url -", "give-up")...)
	case addresses[0].Scheme == "nats" || addresses[0].Scheme == "tls":
		return append(faults, o.checkNATS(raw, given, addresses)...)
	default:
		o.kind = kindHTTP
		o.url = addresses[0]
		if len(addresses) > 1 {
			faults = append(faults, fmt.Errorf("-url %q: give one address of a store", raw.url))
		}
		faults = append(faults, o.checkJWT(raw, given)...)
	}
	return append(faults, misplaced(given, "to "+raw.target(), "mode", "subject", "username", "password", "creds")...)
}

// target describes what -url names, for errors.
func (r rawFlags) target() string {
	if r.url == "-" {
		return "-url -"
	}
	scheme, _, _ := strings.Cut(r.url, "://")
	return scheme + "://"
}

func (o *options) checkNATS(raw rawFlags, given map[string]bool, addresses []*url.URL) (faults []error) {
	switch raw.mode {
	case "core":
		o.kind = kindCore
	case "jetstream":
		o.kind = kindJetStream
	default:
		faults = append(faults, fmt.Errorf("-mode %q: core publishes without acknowledgement, "+
			"jetstream waits for every one", raw.mode))
	}
	if o.nats.subject == "" || strings.ContainsAny(o.nats.subject, "*> \t\r\n") {
		faults = append(faults, fmt.Errorf("-subject %q: give a subject to publish on, "+
			"without spaces and wildcards", o.nats.subject))
	}
	if given["password"] && !given["username"] {
		faults = append(faults, errors.New("-password: needs -username"))
	}
	if o.nats.creds != "" {
		if o.nats.username != "" {
			faults = append(faults, errors.New("-creds and -username: give one of them"))
		}
		if _, err := os.Stat(o.nats.creds); err != nil {
			faults = append(faults, fmt.Errorf("-creds: %w", err))
		}
	}
	shown := make([]string, len(addresses))
	for i, address := range addresses {
		shown[i] = address.Redacted()
	}
	o.nats.url, o.nats.shown = raw.url, strings.Join(shown, ",")
	return append(faults, misplaced(given, "to "+raw.target(), "jwt", "jwt-file")...)
}

func (o *options) checkJWT(raw rawFlags, given map[string]bool) []error {
	if raw.jwtFile == "" {
		return nil
	}
	if given["jwt"] {
		return []error{errors.New("-jwt and -jwt-file: give one of them")}
	}
	token, err := readToken(raw.jwtFile)
	if err != nil {
		return []error{fmt.Errorf("-jwt-file: %w", err)}
	}
	o.jwt = token
	return nil
}

// parseAddresses splits -url at its commas. It returns nothing for standard
// output; otherwise all addresses are of one family, NATS or HTTP.
func parseAddresses(list string) ([]*url.URL, error) {
	if list == "-" {
		return nil, nil
	}
	var addresses []*url.URL
	family := ""
	for text := range strings.SplitSeq(list, ",") {
		address, err := url.Parse(text)
		if err != nil || address.Host == "" {
			return nil, errors.New("give an address such as nats://127.0.0.1:4222 or http://127.0.0.1:8080, " +
				"or - for standard output")
		}
		var this string
		switch address.Scheme {
		case "nats", "tls":
			this = "NATS"
		case "http", "https":
			this = "HTTP"
		default:
			return nil, fmt.Errorf("%s:// is unknown: give nats://, tls://, http:// or https://, "+
				"or - for standard output", address.Scheme)
		}
		if family != "" && this != family {
			return nil, errors.New("give addresses of NATS servers or of a store, not of both")
		}
		family = this
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// misplaced returns an error for each flag of names that was given although it
// does not apply.
func misplaced(given map[string]bool, target string, names ...string) (faults []error) {
	for _, name := range names {
		if given[name] {
			faults = append(faults, fmt.Errorf("-%s: does not apply %s", name, target))
		}
	}
	return faults
}
