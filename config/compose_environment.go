package config

import (
	"fmt"
	"os"
	"strings"
)

// The credentials at the broker may come from the environment, by which containers are
// given secrets. Each variable overrides a key of the section nats. With the suffix _FILE
// it names a file with the value.
const (
	envUsername = "CC_NATS_USERNAME"
	envPassword = "CC_NATS_PASSWORD"
	envFile     = "_FILE"
	// maxSecret bounds a file with a name or a password.
	maxSecret = 64 << 10
)

// fromEnvironment returns the value of a variable, or the content of the file that its
// other form names, without the newlines at its end. It is empty if neither is set.
func (c composer) fromEnvironment(variable string) string {
	value, file := os.Getenv(variable), os.Getenv(variable+envFile)
	if file == "" {
		return value
	}
	n := &node{path: "environment " + variable + envFile}
	if value != "" {
		c.found.fault(n, "is set together with %s: set one of the two", variable)
		return value
	}
	if err := readableFile(file); err != nil {
		c.found.fault(n, "%s", err)
		return ""
	}
	data, err := os.ReadFile(file)
	if err == nil && len(data) > maxSecret {
		err = fmt.Errorf("%q has %d bytes, which is no secret but another file", file, len(data))
	}
	if err != nil {
		c.found.fault(n, "the file cannot be read: %s", err)
		return ""
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		c.found.fault(n, "%q is empty", file)
	}
	return secret
}

// hasEnvironment reports whether a variable is set, in one of its forms.
func hasEnvironment(variable string) bool {
	return os.Getenv(variable) != "" || os.Getenv(variable+envFile) != ""
}

// override replaces the credentials of the file by those of the environment, also if they
// are of another kind.
func (c composer) override(nats *NATS) {
	username, password := c.fromEnvironment(envUsername), c.fromEnvironment(envPassword)
	if username == "" && password == "" {
		return
	}
	n := &node{path: "environment " + envUsername}
	if nats.Address == "" {
		c.found.warn(n, noEffect+"there is no address of a broker to log in at (nats.address)")
	}
	if username != "" {
		nats.Username = username
	}
	if password != "" {
		nats.Password = password
	}
	switch {
	case nats.Username == "":
		c.found.fault(n, "%s is set and no username: set %s or nats.username", envPassword, envUsername)
	case nats.Password == "":
		c.found.fault(n, "is set and no password: set %s or nats.password", envPassword)
	case nats.CredsFile != "" || nats.SeedFile != "":
		c.found.warn(n, "overrides nats.creds-file-path and nats.nkey-seed-file: the broker takes one kind of credentials")
		nats.CredsFile, nats.SeedFile = "", ""
	}
}
