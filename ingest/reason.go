package ingest

// reason says why a line was not stored.
type reason uint8

const (
	// Not stored, and no fault: somebody else's message on the same subject,
	// metrics that are not configured, and lines without a number of those that are
	// taken without being named: a collector sends texts, too.
	foreign reason = iota
	unknownMetric
	noNumber

	// Faults. Each such line goes to the dead letters.
	badName // a cluster or host that looks like a path
	badSyntax
	badField
	badValue
	badTime
	inFuture
	tooLong
	manyTags

	reasons // their number
)

var reasonNames = [reasons]string{
	"foreign", "unknown-metric", "no-number", "name", "syntax", "field", "value", "timestamp", "future", "too-long", "too-many-tags",
}

func (r reason) String() string { return reasonNames[r] }

// fault reports whether the line is faulty, rather than not for us.
func (r reason) fault() bool { return r >= badName }

// refused reports whether a writer over REST is told. A name that looks like a
// path costs its line alone, as it always did.
func (r reason) refused() bool { return r > badName }
