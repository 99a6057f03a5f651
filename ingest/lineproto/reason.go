package lineproto

// Reason says why a line was not stored.
type Reason uint8

const (
	// Not stored, and no fault: somebody else's message on the same subject,
	// metrics that are not configured, and lines without a number of those that are
	// taken without being named: a collector sends texts, too.
	Foreign Reason = iota
	UnknownMetric
	NoNumber

	// Faults. Each such line goes to the dead letters.
	BadName // a cluster or host that looks like a path
	BadSyntax
	BadField
	BadValue
	BadTimestamp
	InFuture
	TooLong
	TooManyTags

	Reasons // their number
)

var reasonNames = [Reasons]string{
	"foreign", "unknown-metric", "no-number", "name", "syntax", "field", "value", "timestamp", "future", "too-long", "too-many-tags",
}

// String returns the reason as it is called in metrics and log lines.
func (r Reason) String() string { return reasonNames[r] }

// IsFault reports whether the line is faulty, rather than not for us.
func (r Reason) IsFault() bool { return r >= BadName }

// IsTold reports whether a writer over REST is told. A name that looks like a
// path costs its line alone, as it always did.
func (r Reason) IsTold() bool { return r > BadName }
