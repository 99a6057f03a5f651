package ingest

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// rawClient speaks the protocol of NATS without a library, which would not send
// what is wrong.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func dialRaw(t testing.TB, ns *server.Server) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", ns.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &rawClient{t, conn, bufio.NewReader(conn)}
	c.send(`CONNECT {"verbose":false,"headers":true,"no_responders":true}` + "\r\n")
	c.ping()
	return c
}

func (c *rawClient) send(text string) {
	c.t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// ping returns when the server has read all that was sent.
func (c *rawClient) ping() {
	c.t.Helper()
	c.send("PING\r\n")
	c.await("PONG")
}

// await returns when a line comes from the server that begins so.
func (c *rawClient) await(begin string) {
	c.t.Helper()
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		if strings.HasPrefix(line, begin) {
			return
		}
		if strings.HasPrefix(line, "-ERR") {
			c.t.Fatalf("the server says %s", line)
		}
	}
}

func (c *rawClient) close() { c.conn.Close() }
