package rest

import (
	"context"
	"time"
)

// Page is what the page at / shows of the program besides the store. Its functions are safe for
// concurrent use.
type Page struct {
	// Status describes the program. It is called when somebody looks, at most once a second.
	Status func() Status
	// Refused returns the newest refused lines, newest first.
	Refused func(ctx context.Context) ([]RefusedLine, error)
}

// Status is the answer of /api/page/status: the state of the program at one moment. Counters run
// from its start. Times are Unix seconds, 0 if there is none; sizes are bytes.
type Status struct {
	Version string `json:"version"`
	Time    int64  `json:"time"`
	Started int64  `json:"started"`
	// Ready, Answering and Log.Writable are true, or there is a reason. Attention is what an
	// operator has to see to although everything is answered.
	Ready     Condition `json:"ready"`
	Answering Condition `json:"answering"`
	Attention string    `json:"attention"`
	// CompleteUntil is up to when answers have all that the log took.
	CompleteUntil int64             `json:"complete-until"`
	Log           LogStatus         `json:"log"`
	Broker        *BrokerStatus     `json:"broker"` // null: the log is in the embedded server
	Nodes         []NodeStatus      `json:"nodes"`  // of the cluster, none without
	Memory        MemoryStatus      `json:"memory"`
	Checkpoints   *CheckpointStatus `json:"checkpoints"` // null: they are not opened yet
	Archive       *ArchiveStatus    `json:"archive"`     // null: there is none
	Samples       SampleStatus      `json:"samples"`
}

// Condition is something that is to be so.
type Condition struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"` // it is not
}

// conditionOf returns a condition that holds if there is no error.
func conditionOf(err error) Condition {
	if err == nil {
		return Condition{OK: true}
	}
	return Condition{Why: err.Error()}
}

// LogStatus describes the log and how far the store has come with it.
type LogStatus struct {
	Name      string    `json:"name"`
	Place     string    `json:"place"` // embedded, cluster or broker
	Writable  Condition `json:"writable"`
	Lag       uint64    `json:"lag-entries"`
	LagTime   float64   `json:"lag-seconds"`
	Watermark uint64    `json:"watermark"`
	Entries   int64     `json:"entries"`
	Bytes     int64     `json:"bytes"`
	Outbox    int64     `json:"outbox"` // writes over REST that wait for the log
}

// BrokerStatus describes the connection to an external broker.
type BrokerStatus struct {
	Address   string `json:"address"`
	Connected bool   `json:"connected"`
}

// NodeStatus is a node of the cluster as the leader of the log sees it.
type NodeStatus struct {
	Name    string  `json:"name"`
	Self    bool    `json:"self"`
	Leader  bool    `json:"leader"`
	Current bool    `json:"current"`
	Offline bool    `json:"offline"`
	Lag     uint64  `json:"lag-entries"`
	Heard   float64 `json:"heard-seconds"` // since the leader has heard of it
	Seen    int64   `json:"seen"`          // when the leader said so
}

// MemoryStatus says what is held and what that takes.
type MemoryStatus struct {
	Held      int64 `json:"held"`
	Cap       int64 `json:"cap"` // 0: none
	Lines     int64 `json:"lines"`
	Process   int64 `json:"process"`
	Hosts     int64 `json:"hosts"`
	Series    int64 `json:"series"`
	Retention int64 `json:"retention"` // seconds
	Evicted   int64 `json:"evicted"`   // series' blocks that gave way under the cap
}

// ArchiveStatus describes the archive.
type ArchiveStatus struct {
	Files      int64  `json:"files"`
	Samples    int64  `json:"samples"`
	Bytes      int64  `json:"bytes"`
	Oldest     int64  `json:"oldest"` // of samples; 0: there is none
	Unreadable int64  `json:"unreadable-files"`
	Why        string `json:"why"` // it could not be written
}

// CheckpointStatus describes the checkpoints.
type CheckpointStatus struct {
	Last     int64   `json:"last"`
	Interval int64   `json:"interval"` // seconds
	Written  int64   `json:"written"`
	Failed   int64   `json:"failed"`
	Bytes    int64   `json:"bytes"`
	Duration float64 `json:"duration"` // seconds
	Why      string  `json:"why"`      // the newest one failed
}

// SampleStatus counts samples, and lines that were not stored.
type SampleStatus struct {
	Stored    int64            `json:"stored"`
	Lines     int64            `json:"lines"`
	Replaced  int64            `json:"replaced"`
	NoHost    int64            `json:"no-hostname"`
	NoCluster int64            `json:"no-cluster"`
	Letters   int64            `json:"refused-not-kept"` // refused lines that are only counted
	NotStored map[string]int64 `json:"not-stored"`       // lines by reason
	Refused   []OverLimit      `json:"over-limit"`
	// Unknown are the metrics that are not configured, those with most lines first, and
	// UnknownNames is how many there are.
	Unknown      []unknownMetric `json:"unknown-metrics"`
	UnknownNames int             `json:"unknown-names"`
}

// OverLimit counts samples that were refused for a limit, by who sent them.
type OverLimit struct {
	Limit   string `json:"limit"`
	Cluster string `json:"cluster"`
	Host    string `json:"hostname"`
	Samples int64  `json:"samples"`
}

// RefusedLine is a line that was not stored, and who sent it.
type RefusedLine struct {
	Time    int64  `json:"time"` // when that was kept
	Reason  string `json:"reason"`
	Detail  string `json:"detail"`
	Line    string `json:"line"`
	From    string `json:"from"` // a subject, or /api/write
	Cluster string `json:"cluster"`
	Host    string `json:"hostname"`
}

// status completes what the program says of itself by what REST knows.
func (a *api) status() Status {
	s := a.page.Status()
	s.Time = time.Now().Unix()
	s.Ready, s.Answering = conditionOf(a.log.Serving()), conditionOf(a.log.Answerable())
	s.Log.Writable = conditionOf(a.log.Writable())
	s.CompleteUntil = max(a.log.CompleteUntil().Unix(), 0)
	if a.degraded != nil {
		if err := a.degraded(); err != nil {
			s.Attention = err.Error()
		}
	}
	unknown := a.log.UnknownMetrics()
	s.Samples.UnknownNames = len(unknown)
	s.Samples.Unknown = unknownMetrics(unknown[:min(len(unknown), shownUnknown)]).Metrics
	return s
}

// shownUnknown is how many metrics that are not configured the page shows.
const shownUnknown = 20
