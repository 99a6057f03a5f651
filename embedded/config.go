package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Config describes a Server. The zero value of each optional field means its
// default.
type Config struct {
	// Directory holds the log. Required; it is created if need be and locked
	// against a second process.
	Directory string
	// Addr is the host:port at which the server listens for others, once Listen was called.
	// Empty: only this process can reach it.
	Addr string
	// Username and Password are asked of every client if Username is set.
	Username, Password string
	// MaxPayload is the largest message in bytes. Default and maximum 31 MiB: the log stores no
	// larger one, and a publisher that does not wait for an acknowledgement would not know.
	MaxPayload int64
	// MaxStore is how many bytes the log may have on disk, at least 64 MiB. Streams has to bound
	// the streams to it: the server itself would refuse the newest data instead of dropping the
	// oldest. Default: three quarters of what the file system has for the log, which is its
	// free space and the size of the log.
	MaxStore int64
	// MaxBuffered bounds the bytes of messages that were received but not stored yet. Messages
	// beyond it are lost, unless their publishers wait for acknowledgements. Default: a quarter
	// of the machine's memory, at most 2 GiB, which is enough for the simultaneous tick of
	// 5,000 nodes.
	MaxBuffered int64
	// SyncInterval is how often the log is flushed to the disk. Messages that were acknowledged
	// since the last flush survive the end of the process, but not that of the machine. 0: each
	// message is flushed before it is acknowledged.
	SyncInterval time.Duration
	// Cluster joins the server with others, which keep the log together. Its data are in the
	// directory ClusterName of Directory then. Nil: it is alone.
	Cluster *Cluster
	// Covered reports whether all entries of a stream, which was created at the time, are kept
	// elsewhere up to the sequence number last. Start asks it, in a cluster, of what a server
	// without one has left in Directory. Default: none are.
	Covered func(stream string, created time.Time, last uint64) bool
	// checkInterval is how often Watch checks the server. Default 5 s; only tests set it.
	checkInterval time.Duration
	// Streams returns the streams of this program, which may have maxStore bytes on disk
	// together. They are mended before the server starts, and Watch checks them. Optional.
	Streams func(maxStore int64) []Stream
	// Hold is called when the files of the log are gone, before its server is stopped. When it
	// returns, all entries of the log were read, and none is added until release is called.
	// Optional.
	Hold func(ctx context.Context) (release func())
	// Keep is called after Hold, before a new log is started. It keeps elsewhere what was in the
	// log that is gone. Optional.
	Keep func(ctx context.Context)
	// Logger receives the server's warnings and errors; its notices at debug
	// level. Default: discard.
	Logger *slog.Logger
}

const (
	// JetStream's file store refuses messages of 32 MiB, headers included.
	largestPayload = 31 << 20
	maxBuffered    = 2 << 30
	smallestStore  = 64 << 20
	unbounded      = 1 << 60
	// Consumers keep their state in memory; it is a few kilobytes.
	maxConsumerMemory = 64 << 20
	// As much may be on its way to a consumer, besides one largest message.
	pendingReserve = 192 << 20
)

func (c Config) options() server.Options {
	opts := server.Options{
		ServerName:             "cc-metric-store",
		DontListen:             true, // until Listen
		NoSigs:                 true, // its handlers would end the process under us
		Username:               c.Username,
		Password:               c.Password,
		MaxPayload:             int32(c.MaxPayload),
		MaxConn:                maxConnections,
		MaxSubs:                maxSubscriptions,
		MaxPending:             max(c.MaxPayload+pendingReserve, c.MaxBuffered),
		JetStream:              true,
		StoreDir:               c.Directory,
		JetStreamMaxStore:      unbounded,
		JetStreamMaxMemory:     maxConsumerMemory,
		StreamMaxBufferedMsgs:  1 << 20,
		StreamMaxBufferedSize:  c.MaxBuffered,
		SyncInterval:           c.SyncInterval,
		SyncAlways:             c.SyncInterval == 0,
		DisableJetStreamBanner: true,
	}
	if c.Cluster != nil {
		c.Cluster.apply(&opts)
	}
	return opts
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("address %q is not host:port", addr)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: port is not within 0 and 65535", addr)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}
