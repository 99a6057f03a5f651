package config

import (
	"fmt"
	"slices"
	"strings"
)

// reserved is a pattern of subjects that carry something else than metrics. A log that
// captured them would hold what it sends itself, and send that again.
type reserved struct {
	pattern string
	whose   string
}

// chance stands in a reserved pattern for a part that is chosen at random: a wildcard
// matches it, a name does not.
const chance = "?"

// reservedSubjects returns what no subscription may overlap: the subjects of the log with
// this name, the inboxes to which servers answer, and those of JetStream and the server.
func reservedSubjects(stream string, external bool) []reserved {
	const (
		log     = "which the log keeps for its own messages"
		inboxes = "where the answers of the NATS server arrive"
		system  = "which the NATS server keeps for itself"
	)
	all := []reserved{
		{stream + ".write", log}, {stream + ".free", log}, {stream + ".outbox.*", log}, {stream + ".bad.*", log},
		{"_INBOX." + chance, inboxes}, {"_INBOX." + chance + "." + chance, inboxes},
	}
	if external {
		all = append(all, reserved{stream + "_OUTBOX", log})
		// The server refuses a stream that could take in any of these.
		for _, pattern := range []string{"$JS.>", "$JSC.>", "$NRG.>", "$SYS.>"} {
			all = append(all, reserved{pattern, system + ": its JetStream makes no such stream"})
		}
		return all
	}
	// The intake subscribes at the embedded server, where *.metrics is possible therefore.
	for _, pattern := range []string{
		"$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$JS.EVENT.>", "$JS.SNAPSHOT.>", "$SYS.REQ.>", "$SYS.ACCOUNT.>", "$SYS.SERVER.>",
	} {
		all = append(all, reserved{pattern, system})
	}
	return all
}

// checkReserved returns why a subject cannot be subscribed to, nil if it can.
func checkReserved(subject, stream string, external bool) error {
	all := reservedSubjects(stream, external)
	i := slices.IndexFunc(all, func(r reserved) bool { return overlap(subject, r.pattern) })
	if i < 0 {
		return nil
	}
	shown := strings.ReplaceAll(all[i].pattern, chance, "*")
	advice := "choose narrower subjects"
	if first, _, _ := strings.Cut(subject, "."); first == "*" {
		advice = "list the subjects, or write their first part out, with one subscription for each"
	}
	return fmt.Errorf("%q overlaps %q, %s: %s", subject, shown, all[i].whose, advice)
}
