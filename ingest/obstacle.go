package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Obstacle is a kind of what keeps a node from its log, for a metric: it is
// steady, while its words are not.
type Obstacle string

// The kinds of obstacles.
const (
	ObstacleNone        Obstacle = "none"
	ObstacleUnreachable Obstacle = "unreachable" // nobody answers at the broker's address
	ObstacleLogin       Obstacle = "login"       // the broker does not let us in
	ObstacleRights      Obstacle = "rights"      // its user may not do what is needed
	ObstacleJetStream   Obstacle = "jetstream"   // there is none, or it cannot work at the moment
	ObstacleLimits      Obstacle = "limits"      // the account, or the disk, has no room for the log
	ObstacleStream      Obstacle = "stream"      // another stream is in the way
	ObstacleSilence     Obstacle = "silence"     // the broker does not answer
	ObstacleOther       Obstacle = "other"
)

// Obstacles returns all kinds but ObstacleNone.
func Obstacles() []Obstacle {
	return []Obstacle{
		ObstacleUnreachable, ObstacleLogin, ObstacleRights, ObstacleJetStream, ObstacleLimits, ObstacleStream, ObstacleSilence, ObstacleOther,
	}
}

// errUnfit says that a stream cannot be the log.
var errUnfit = errors.New("it cannot be the log")

// obstacleOf returns the kind of a problem.
func obstacleOf(err error) Obstacle {
	if err == nil {
		return ObstacleNone
	}
	if _, ok := errors.AsType[*deniedError](err); ok {
		return ObstacleRights
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch api.ErrorCode {
		case codeOverlap, codeNameInUse:
			return ObstacleStream
		case 10002, 10023, 10026, 10027, 10028, 10047, 10113, 10120, 10122:
			return ObstacleLimits
		}
		return ObstacleJetStream
	}
	for _, k := range []struct {
		kind   Obstacle
		causes []error
	}{
		{ObstacleStream, []error{errUnfit}},
		{ObstacleLogin, []error{
			nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrNkeysNotSupported, nats.ErrSecureConnRequired,
			nats.ErrSecureConnWanted, nats.ErrMaxConnectionsExceeded, nats.ErrMaxAccountConnectionsExceeded,
		}},
		{ObstacleJetStream, []error{jetstream.ErrJetStreamNotEnabled, nats.ErrNoResponders}},
		{ObstacleUnreachable, []error{nats.ErrNoServers, nats.ErrDisconnected, nats.ErrConnectionClosed, errOutOfReach}},
	} {
		for _, cause := range k.causes {
			if errors.Is(err, cause) {
				return k.kind
			}
		}
	}
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "tls") || strings.Contains(text, "x509") || strings.Contains(text, "authentication") || strings.Contains(text, "authorization") {
		return ObstacleLogin
	}
	if _, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.DeadlineExceeded) {
		return ObstacleUnreachable
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, errSilent) {
		return ObstacleSilence
	}
	return ObstacleOther
}

// remedy says what an operator can do about a problem.
func remedy(err error) string {
	switch obstacleOf(err) {
	case ObstacleUnreachable:
		return "see whether the broker runs, and to nats.address"
	case ObstacleLogin:
		return "see to nats.username and password, creds-file-path or nkey-seed-file, to the broker's list of users and limits of connections, and to tls:// in nats.address if it wants TLS"
	case ObstacleRights:
		return "give the broker's user the rights that the section 'Rights on a broker' of OPERATIONS.md lists"
	case ObstacleJetStream:
		return "see to JetStream on the broker (nats-server -js, and all servers of a cluster)"
	case ObstacleLimits:
		return "see to the limits of JetStream in the broker's account, and to its disk"
	case ObstacleStream:
		return "see to nats.stream.name, and to the streams of the broker (nats stream ls)"
	}
	return "see to the broker and its log"
}

// advised adds to a problem what can be done.
func advised(err error) error { return fmt.Errorf("%w (%s)", err, remedy(err)) }

// Obstacle returns the kind of what keeps the node from its log, and from what is
// sent to it, now: ObstacleNone, if nothing does.
func (in *Ingest) Obstacle() Obstacle {
	notReached, reading, refusal := in.state.notReached(), in.replay.standstill(), in.state.refused()
	switch {
	case in.deaf() != nil:
		return ObstacleRights
	case notReached != nil && !errors.Is(notReached, errStarting):
		return obstacleOf(notReached)
	case reading.err != nil:
		return obstacleOf(reading.err)
	case refusal == nil && in.outbox != nil && in.outbox.waiting.Load() > 0:
		if cause := in.outbox.cause.Load(); cause != nil {
			return obstacleOf(*cause)
		}
	}
	return obstacleOf(refusal)
}
