package rest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// certificateInterval is the time between two looks at the files of a certificate.
const certificateInterval = time.Second

// certificate is the certificate of the server. When its files change, they are read
// again; while they cannot be used, the one before stays. It is safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger
	now               func() time.Time

	current atomic.Pointer[tls.Certificate]

	mu sync.Mutex
	// Guarded by mu, which is never waited for in a handshake.
	looked  time.Time    // when the files were looked at last
	seen    [2]fileState // the files when they were read last
	problem string       // why they could not be used then, empty if they could
}

// fileState tells the contents of a file apart, without reading them. That of a file that
// is not there is zero.
type fileState struct {
	number   uint64 // the inode
	modified int64  // Unix nanoseconds
	size     int64
}

func stateOf(file string) fileState {
	info, err := os.Stat(file)
	if err != nil {
		return fileState{}
	}
	state := fileState{modified: info.ModTime().UnixNano(), size: info.Size()}
	if inode, ok := info.Sys().(*syscall.Stat_t); ok {
		state.number = inode.Ino
	}
	return state
}

// loadTLS returns the configuration of TLS, nil without any files.
func loadTLS(certFile, keyFile string, logger *slog.Logger) (*tls.Config, error) {
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil
	case keyFile == "":
		return nil, fmt.Errorf("the certificate %s has no key file: set both or none", certFile)
	case certFile == "":
		return nil, fmt.Errorf("the key %s has no certificate file: set both or none", keyFile)
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: logger, now: time.Now}
	c.looked = c.now()
	if _, err := c.readLocked(); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
}

// get is the tls.Config.GetCertificate. One handshake at a time looks at the files, and
// the others do not wait for it: a disk may stand still.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.mu.TryLock() {
		renewed, err := c.renewLocked()
		c.mu.Unlock()
		switch { // not under the lock: a logger may stand still
		case err != nil:
			c.logger.Warn("the TLS certificate cannot be renewed, the one before stays in use: see to its files", "error", err)
		case renewed:
			c.logger.Info("the TLS certificate was renewed", "file", c.certFile, "expires", c.current.Load().Leaf.NotAfter)
		}
	}
	return c.current.Load(), nil
}

// renewLocked reads the files if they have changed, and says whether it has. It fails once
// for each change, and for each reason.
func (c *certificate) renewLocked() (renewed bool, err error) {
	now := c.now()
	if now.Sub(c.looked) < certificateInterval {
		return false, nil
	}
	c.looked = now
	return c.readLocked()
}

// readLocked reads the files if they are not as they were when they were read last, or could
// not be used then: what was wrong may not be in their state, such as a right to read them.
func (c *certificate) readLocked() (changed bool, err error) {
	// The state comes before the contents: what changes meanwhile is read next time.
	state := [2]fileState{stateOf(c.certFile), stateOf(c.keyFile)}
	same := state == c.seen && c.current.Load() != nil
	if same && c.problem == "" {
		return false, nil
	}
	c.seen = state
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		known := same && c.problem == err.Error()
		if c.problem = err.Error(); known {
			return false, nil
		}
		return false, fmt.Errorf("load certificate %s and key %s (main.https-cert-file, main.https-key-file): %w", c.certFile, c.keyFile, err)
	}
	c.problem = ""
	c.current.Store(&pair)
	return true, nil
}
