package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

const (
	syncAlways = "always"
	inbox      = "_INBOX"
	// maxSubject is far below the longest line of NATS's protocol.
	maxSubject    = 512
	maxClusterTag = 255

	wantedSync = `"always" or the time between two flushes, such as "1s"`
)

// subject accepts what can be a subject of the log's stream. Whether it overlaps reserved
// subjects depends on the name of the log, and is checked by checkReserved.
func subject(s string) error {
	if s == ">" {
		return errors.New(`">" would take in the log's own messages and the broker's: name the subjects of the metrics`)
	}
	if strings.HasPrefix(s, "$") {
		return fmt.Errorf("%q begins with '$', which is reserved to the broker", s)
	}
	if s == inbox || strings.HasPrefix(s, inbox+".") {
		return fmt.Errorf("%q begins with %s, where the broker's answers arrive", s, inbox)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%q holds a blank or a control character, which no NATS subject has", s)
	}
	if len(s) > maxSubject {
		return fmt.Errorf("%q has %d bytes, more than %d", s, len(s), maxSubject)
	}
	tokens := strings.Split(s, ".")
	for i, token := range tokens {
		switch {
		case token == "":
			return fmt.Errorf("%q has an empty part between dots", s)
		case token == ">" && i < len(tokens)-1:
			return fmt.Errorf("%q has '>' before its end: '>' stands for all further parts and comes last", s)
		case len(token) > 1 && strings.ContainsAny(token, "*>"):
			return fmt.Errorf("%q has a wildcard inside a part: '*' and '>' stand for whole parts between dots", s)
		}
	}
	return nil
}

// maxStreamName leaves room, within NATS's 255 bytes, for the endings _BAD and _OUTBOX of
// the streams beside the log.
const maxStreamName = 240

func streamName(name string) error {
	illegal := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`.*>/\`, r)
	}
	if len(name) > maxStreamName || name == inbox || strings.HasPrefix(name, "$") || strings.ContainsFunc(name, illegal) {
		return fmt.Errorf(`%q cannot name a stream: at most %d bytes, no blank, '.', '*', '>', '/' or '\', no '$' in front, not %s`, name, maxStreamName, inbox)
	}
	return nil
}

// clusterTag refuses names that could leave a directory named after them, and
// those that nobody could send in a line.
func clusterTag(tag string) error {
	if len(tag) > maxClusterTag || strings.ContainsFunc(tag, unicode.IsControl) {
		return fmt.Errorf("%q cannot name a cluster: it has 1 to %d bytes and no control characters", tag, maxClusterTag)
	}
	if strings.Contains(tag, "..") || strings.ContainsAny(tag, `/\`) {
		return fmt.Errorf(`%q cannot name a cluster: no '/', '\' or '..'`, tag)
	}
	return nil
}

// syncMode accepts when the embedded server flushes.
func syncMode(mode string) error {
	if mode == syncAlways {
		return nil
	}
	interval, err := time.ParseDuration(mode)
	if err != nil {
		return fmt.Errorf("%q is not %s", mode, wantedSync)
	}
	return between(time.Millisecond, time.Hour, showDuration)(interval)
}
