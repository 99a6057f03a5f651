package ingest

import (
	"slices"
	"strings"
)

// subjects returns the subjects of the subscriptions without those that
// another one covers: a stream takes each message once.
func subjects(subs []Subscription) []string {
	var out []string
	for _, s := range subs {
		if !slices.ContainsFunc(out, func(o string) bool { return covers(o, s.Subject) }) {
			out = append(dropCovered(out, s.Subject), s.Subject)
		}
	}
	return out
}

func dropCovered(subjects []string, by string) []string {
	return slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return covers(by, s) })
}

// covers reports whether each subject that matches b matches a too.
func covers(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, t := range as {
		switch {
		case t == ">":
			return len(bs) > i
		case i >= len(bs) || bs[i] == ">":
			return false
		case t != "*" && t != bs[i]:
			return false
		}
	}
	return len(as) == len(bs)
}

// subscriptionOf returns the index of the first subscription that the subject matches, -1 if
// there is none. Lines without a cluster tag are of the cluster of that subscription.
func (in *Ingest) subscriptionOf(subject string) int {
	return slices.IndexFunc(in.cfg.Subscriptions, func(s Subscription) bool {
		return s.Subject == subject || covers(s.Subject, subject)
	})
}
