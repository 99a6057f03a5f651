package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The kernel gives connections, and listeners on port 0, a port of its own range,
// which begins at 32768 (ip_local_port_range).
const (
	firstPort = 10_000
	ports     = 22_000
)

// given are the ports that this process has handed out.
var given sync.Map

// FreePort returns a port of 127.0.0.1 on which nobody listens and which the kernel
// gives to nobody: who listens on it may stop and come back. Each call returns
// another one.
func FreePort(tb testing.TB) int {
	tb.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(ports)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no port is free")
	return 0
}
