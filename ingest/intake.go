package ingest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// intake puts what publishers send to the embedded server, or to a broker without
// JetStream, into the embedded log:
//
//	subscriptions -> arrived -> packer (one goroutine, in order) -> embedded log
//
// No stream captures the subjects of the metrics: it would sync, compress and
// deliver each message alone, which costs several times all the rest of its way.
type intake struct {
	in     *Ingest
	stream *logStream // its names
	js     jetstream.JetStream

	local  *publisherServer // the embedded server
	broker *publisherServer // nil: there is none

	arrived    chan publishedMsg
	delivering sync.WaitGroup // the client library's goroutine of each subscription

	mu sync.Mutex
	// Guarded by mu.
	subs []subscription
	said onceAMinute // of an overflow
}

// publisherServer is a server whose publishers the intake hears: the embedded one, or a
// broker without JetStream.
type publisherServer struct {
	nc *nats.Conn
	// acks says that they may ask for acknowledgements, as a stream gives them. On
	// somebody else's broker another subscriber may answer.
	acks    bool
	backlog int64 // bytes that may wait in all subscriptions
}

// share returns how many bytes may wait in one of n subscriptions: at least one
// largest message.
func (o *publisherServer) share(n int) int {
	return int(max(o.backlog/int64(n), o.nc.MaxPayload()+headerRoom))
}

// publishedMsg is a message on its way into the log.
type publishedMsg struct {
	*nats.Msg
	acks bool
}

type subscription struct {
	*nats.Subscription
	server  *publisherServer
	dropped int // how many messages were counted as dropped
}

// brokerBacklog bounds the bytes that wait in the subscriptions to a broker while
// the embedded log is slow or takes nothing. What exceeds it is lost and counted.
const brokerBacklog = 512 << 20

// intakeTask is what Run asks of RunIntake.
type intakeTask struct {
	stream *logStream
	// broker is one without JetStream, nil if there is none. Who has the task
	// closes it.
	broker   *nats.Conn
	onBroker *logStream // as it would be there, to ask again
}

func (t *intakeTask) close() {
	if t.broker != nil {
		t.broker.Close()
	}
}

// RunIntake puts what publishers send to the embedded server, or to a broker
// without JetStream, into the embedded log, if that is what Run uses, until ctx
// ends, and then what has arrived, for at most ten seconds. It begins when Run
// has opened the log, and goes on when Run has returned, so that nothing is lost
// while the program stops. It is called once.
func (in *Ingest) RunIntake(ctx context.Context) error {
	var task *intakeTask
	select {
	case task = <-in.intakeTasks:
	case <-ctx.Done():
		select {
		case task := <-in.intakeTasks:
			task.close()
		default:
		}
		return nil
	}
	defer task.close()
	k, err := in.newIntake(ctx, task)
	if err != nil {
		return fmt.Errorf("take in messages: %w", err)
	}
	defer k.close()
	in.intake.Store(k)
	return k.run(ctx, task)
}

func (in *Ingest) newIntake(ctx context.Context, task *intakeTask) (*intake, error) {
	k := &intake{in: in, stream: task.stream, arrived: make(chan publishedMsg, 16)}
	if task.broker != nil {
		k.broker = &publisherServer{nc: task.broker, backlog: brokerBacklog}
	}
	// Two connections, so that what arrives does not hold up acknowledgements.
	nc, _, err := in.connectEmbedded(ctx, nil)
	if err != nil {
		return nil, err
	}
	k.js, err = jetstream.New(nc,
		// What is not acknowledged is given again by the packer, in its order.
		jetstream.WithPublishAsyncMaxPending(2*maxSent), jetstream.WithPublishAsyncTimeout(apiTimeout))
	if err != nil {
		nc.Close()
		return nil, err
	}
	local, server, err := in.connectEmbedded(ctx, k.listen)
	if err != nil {
		nc.Close()
		return nil, err
	}
	k.local = &publisherServer{nc: local, acks: true, backlog: server.MaxBuffered()}
	local.SetErrorHandler(k.report)
	return k, nil
}

func (k *intake) close() {
	k.js.CleanupPublisher()
	k.js.Conn().Close()
	k.local.nc.Close()
}

func (k *intake) servers() []*publisherServer {
	if k.broker == nil {
		return []*publisherServer{k.local}
	}
	return []*publisherServer{k.local, k.broker}
}

// run puts messages into the log until ctx ends, and then those that have arrived.
func (k *intake) run(ctx context.Context, task *intakeTask) error {
	packing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	var g sync.WaitGroup
	g.Go(func() { newPacker(k).run(packing) })
	var asking sync.WaitGroup
	if k.broker != nil {
		asking.Go(func() { k.awaitBroker(ctx, packing, task.onBroker) })
	}
	err := k.begin(ctx, packing)
	if err == nil {
		<-ctx.Done()
	}
	end()
	asking.Wait()
	patience := drainTimeout
	if k.in.writable.err() != nil && !k.in.cfg.Clustered { // where it may take entries in a moment
		patience = flushTimeout
	}
	defer k.keepAway(packing)()
	late := time.AfterFunc(patience, stop)
	defer late.Stop()
	k.drain(packing)
	close(k.arrived)
	g.Wait()
	return err
}

// begin subscribes, however long that lasts, and then lets publishers connect: what they
// send from then on arrives.
func (k *intake) begin(ctx, packing context.Context) error {
	for r := k.in.retry("subscribe to the metrics"); ; {
		err := k.subscribe(ctx, packing)
		if err == nil {
			break
		}
		k.unsubscribe(k.servers()...)
		if r.wait(ctx, err) != nil {
			return nil
		}
	}
	server, err := k.in.embedded(ctx)
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		return fmt.Errorf("let publishers connect: %w", err)
	}
	close(k.in.intakeReady)
	return nil
}

// listen lets publishers connect again after the embedded server was started
// anew, when it knows the subscriptions.
func (k *intake) listen(nc *nats.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	server, err := k.in.embedded(ctx)
	if err == nil {
		err = nc.FlushWithContext(ctx)
	}
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		k.in.logger.Error("the embedded nats-server runs again but takes no connections: start this program anew", "error", err)
	}
}

// awaitBroker warns once if the broker has the log after all. It tries again to
// subscribe what the broker did not allow.
func (k *intake) awaitBroker(ctx, packing context.Context, l *logStream) {
	tick := time.NewTicker(k.in.cfg.timings.ask)
	defer tick.Stop()
	warned := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !k.broker.nc.IsConnected() {
			continue
		}
		k.subscribeDenied(packing)
		if !warned && k.in.tryBroker(ctx, l) == nil {
			warned = true
			k.in.logger.Warn("the broker has JetStream now, and lets its user keep the log there: a restart of this program puts the log there; "+
				"what the embedded log holds stays behind in its directory and is not in the answers then",
				"address", withoutPasswords(k.in.cfg.Broker.URL))
		}
	}
}
