package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// hostPort accepts an address to listen on. With port 0 the system chooses one.
func hostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		err = checkPort(port)
	}
	if err == nil && strings.ContainsFunc(host, notInHost) {
		err = errors.New("illegal host")
	}
	if err != nil {
		return fmt.Errorf(`%q is not host:port with a port of 0 to 65535, such as "127.0.0.1:8080", ":8080" or "[::1]:8080"`, address)
	}
	return nil
}

func checkPort(port string) error {
	_, err := strconv.ParseUint(port, 10, 16)
	return err
}

func notInHost(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("/@?#,", r)
}

// brokerAddress accepts what a NATS client takes as its list of servers. An error names an
// entry by its number, as it may hold a password.
func brokerAddress(list string) error {
	if strings.Contains(list, Hidden) {
		return secret(Hidden)
	}
	websockets := 0
	entries := strings.Split(list, ",")
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		if !strings.Contains(entry, "://") {
			entry = "nats://" + entry
		}
		server, err := url.Parse(entry)
		if err != nil || server.Hostname() == "" || strings.ContainsFunc(server.Hostname(), notInHost) ||
			server.Port() != "" && (checkPort(server.Port()) != nil || strings.Trim(server.Port(), "0") == "") {
			return fmt.Errorf(`server %d of the list is not an address such as "nats://broker:4222" or "broker:4222"`, i+1)
		}
		switch server.Scheme {
		case "nats", "tls":
		case "ws", "wss":
			websockets++
		default:
			return fmt.Errorf("server %d of the list has the unknown scheme %q: use nats, tls, ws or wss", i+1, server.Scheme)
		}
	}
	if websockets > 0 && websockets < len(entries) {
		return errors.New("the list mixes web socket servers (ws, wss) with others: use one kind")
	}
	return nil
}

// backendAddress accepts the address of cc-backend.
func backendAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Port() != "" && checkPort(u.Port()) != nil {
		return fmt.Errorf(`%q is not an address such as "https://monitoring.example.org", with a port of at most 65535 if any`, address)
	}
	return nil
}
