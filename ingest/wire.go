package ingest

// This file is the contract of all nodes that share a log: what an entry looks like in
// the stream. What it says must not change for entries that exist; new subjects and
// headers may be added.
//
// Subjects, for a log with the name NAME. No subscription may cover any but the last.
//
//	subject           in stream    holds                                   written by
//	NAME.write        NAME         lines                                   REST, the intake
//	NAME.free         NAME         a free request, as JSON                 REST
//	NAME.outbox.<id>  NAME         what the outbox with that id forwards   the outbox
//	NAME.bad.<reason> NAME_BAD     a refused line                          the dead letters
//	NAME_OUTBOX       NAME_OUTBOX  what waits to be forwarded              REST, without the log
//	a subscription's  NAME         lines, on an external broker only       publishers
//
// Headers. Nodes ignore those that they do not know. "outbox" is NAME.outbox.<id> and
// NAME_OUTBOX.
//
//	header            in              value
//	Cc-Cluster        write, outbox   cluster of lines without a cluster tag; absent: none
//	                  bad             cluster of the line, cut to 256 bytes; absent: not known
//	Cc-Host           bad             host of the line, likewise
//	Cc-Subject        write           subject of the subscription, if the intake wrote it
//	                  bad             subject of the entry
//	Content-Encoding  write, outbox,  "s2": the data is one S2 block of lines; publishers
//	                  a subscription  may set it, too
//	Nats-Msg-Id       write, free,    random id, by which the stream drops an entry that it
//	                  outbox          has already, and a writer over REST waits for it
//	                  bad             as Cc-Entry
//	Cc-Kind           outbox          "free": a free request; absent: lines
//	Cc-Time           outbox          Unix time in ns: when it was written
//	Cc-Outbox-Entry   NAME.outbox.*   sequence number in NAME_OUTBOX up to which all entries
//	                                  are forwarded with this one
//	Cc-Reason         bad             what is wrong with the line, in words
//	Cc-Entry          bad             creation of the log in Unix ns, sequence number, and
//	                                  line of the entry, with dots between
//
// An entry of lines without data counts as one refused line, unless the intake wrote it (it
// has Cc-Subject) and it lacks the header Status, which messages of JetStream itself have.

// Headers of an entry.
const (
	headerCluster     = "Cc-Cluster"
	headerHost        = "Cc-Host"
	headerSubject     = "Cc-Subject"
	headerEncoding    = "Content-Encoding"
	headerKind        = "Cc-Kind"
	headerTime        = "Cc-Time"
	headerOutboxEntry = "Cc-Outbox-Entry"
	headerReason      = "Cc-Reason"
	headerEntry       = "Cc-Entry"
)

const (
	encodingS2 = "s2"   // value of headerEncoding
	kindFree   = "free" // value of headerKind
)

// Streams beside the log: their names are that of the log and a suffix.
const (
	outboxSuffix      = "_OUTBOX"
	deadLettersSuffix = "_BAD"
)

// What tells our streams from others.
const (
	logDescription         = "log of cc-metric-store"
	outboxDescription      = "writes over REST that cc-metric-store forwards to its log"
	deadLettersDescription = "lines that cc-metric-store refused, with the reasons"

	// outboxKey is the metadata of an outbox's stream that holds its id.
	outboxKey = "cc-metric-store-outbox"
	// boundKey is the metadata of the log that says that its bound is that of the
	// broker's account.
	boundKey = "cc-metric-store-bound"
	// filledKey is the metadata of the log that says who puts into it what publishers send: with
	// the value filledByIntakes those are the embedded servers of a cluster, and the stream is not
	// to capture the subjects of the metrics as well.
	filledKey       = "cc-metric-store-filled-by"
	filledByIntakes = "intakes"
)

// Limits, in bytes.
const (
	// writeChunk is about the size of the entries into which a body is cut, and the most that
	// bodies are joined to.
	writeChunk = 512 << 10
	// joinedSize is the size from which an entry of many messages is complete.
	joinedSize = 512 << 10
	// clusterJoinedSize is the same in a cluster, where an entry costs more than its bytes.
	clusterJoinedSize = 2 << 20
	// headerRoom is what the headers of an entry may take of the payload.
	headerRoom = 4 << 10
	// longestHeader bounds each header of an entry that is forwarded.
	longestHeader = 512
	// maxFree is the size of the largest free request. Who may publish may send any,
	// and what JSON decodes to is many times as long.
	maxFree = 2 << 20
	// deadLetterText is how much of a refused line is kept.
	deadLetterText = 4 << 10
	// leastCompressed is the length from which lines are encoded: less is not worth it.
	leastCompressed = 1 << 10
	// maxDecompressed bounds the lines of an encoded entry, maxRatio how many times as long
	// they may be as their block. Lines of samples are 5 to 25 times as long.
	maxDecompressed = 64 << 20
	maxRatio        = 100
)

// anyToken matches one part of a subject.
const anyToken = "*"

func writeSubject(log string) string { return log + ".write" }

func freeSubject(log string) string { return log + ".free" }

// outboxSubject returns the subject under which the outbox with the id forwards.
func outboxSubject(log, id string) string { return log + ".outbox." + id }

func deadLetterSubject(log, reason string) string { return log + ".bad." + reason }

// ReservedSubjects returns the subjects that are not for metrics where the log has the
// given name: a log that took them in would feed itself.
func ReservedSubjects(log string) []string {
	return []string{
		writeSubject(log), freeSubject(log), outboxSubject(log, anyToken), deadLetterSubject(log, anyToken), log + outboxSuffix,
	}
}
