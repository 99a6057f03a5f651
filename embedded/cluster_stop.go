package embedded

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// handOverTimeout bounds the wait for another leader: most servers may be out of reach.
const handOverTimeout = 2 * time.Second

// handOver lets other servers lead the streams of ours that this one leads, and waits until they
// do. A server that ended before could not vote for the one that it has chosen, and the log would
// stand still until the others choose one by themselves.
func (s *Server) handOver(ns *server.Server) {
	var led []string
	for _, stream := range s.streams {
		if ns.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream.Name) {
			led = append(led, stream.Name)
			_ = ns.JetStreamStepdownStream(server.DEFAULT_GLOBAL_ACCOUNT, stream.Name) // fails if it leads no more
		}
	}
	for end := time.Now().Add(handOverTimeout); len(led) > 0 && time.Now().Before(end); time.Sleep(shortInterval) {
		leaders := leadersOf(ns)
		led = slices.DeleteFunc(led, func(stream string) bool { return leaders[stream] != "" && leaders[stream] != ns.Name() })
	}
}

// leadersOf returns the names of the servers that lead the streams that a server has, empty where
// none is known.
func leadersOf(ns *server.Server) map[string]string {
	out := map[string]string{}
	info, err := ns.Jsz(&server.JSzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Streams: true})
	if err != nil {
		return out // it is shutting down
	}
	for _, a := range info.AccountDetails {
		for _, d := range a.Streams {
			if d.Cluster != nil {
				out[d.Name] = d.Cluster.Leader
			}
		}
	}
	return out
}

// keepAway closes connections from outside, also those that come, until the function that it
// returns is called. In a server that ends they are closed last: until then, what their clients
// send would be lost.
func (s *Server) keepAway(ns *server.Server) (done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var closing sync.WaitGroup
	closing.Go(func() {
		for {
			disconnect(ns)
			select {
			case <-ctx.Done():
				return
			case <-time.After(shortInterval):
			}
		}
	})
	return func() {
		cancel()
		closing.Wait()
	}
}
