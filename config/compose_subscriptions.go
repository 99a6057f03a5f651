package config

// subscriptions reads the subjects of the metrics. The stream of the log captures them
// all, so none may overlap a reserved subject, and no two may overlap unless one covers
// the other.
func (c composer) subscriptions(metricStore *node, stream string) []Subscription {
	if metricStore != nil && metricStore.value == any(invalid{}) {
		return nil
	}
	given := metricStore.at("nats-subscriptions")
	if older := metricStore.at("subscriptions"); older != nil {
		if given != nil {
			c.found.fault(older, "is an older name of nats-subscriptions, which is given as well: keep the latter")
		} else {
			given = older
		}
	}
	if given == nil || given.isEmpty() {
		if given == nil {
			given = &node{path: "metric-store.nats-subscriptions"}
			if c.flat {
				given.path = "nats"
			}
		}
		if given.value != nil || c.external() {
			c.found.warn(given, "no subscription is given: metrics are taken from the subject %q, without a cluster tag", defaultSubject)
		}
		return []Subscription{{Subject: defaultSubject}}
	}
	var accepted []Subscription
	for _, item := range read(given, list{}) {
		s := Subscription{Subject: read(item, "", "subscribe-to"), ClusterTag: read(item, "", "cluster-tag")}
		if s.Subject != "" && c.accept(item.at("subscribe-to"), s, accepted, stream) {
			accepted = append(accepted, s)
		}
	}
	return accepted
}

// external reports whether the log is to be on an external broker.
func (c composer) external() bool { return c.root.at("nats", "address") != nil }

// accept reports whether s, which n gives, can be added to the earlier subscriptions.
func (c composer) accept(n *node, s Subscription, earlier []Subscription, stream string) bool {
	if err := checkReserved(s.Subject, stream, c.external()); err != nil {
		c.found.fault(n, "%s", err)
		return false
	}
	for _, e := range earlier {
		switch {
		case e.Subject == s.Subject:
			if e.ClusterTag != s.ClusterTag {
				c.found.warn(n, "%q is listed already: lines without a cluster get the first tag, %q, never %q", s.Subject, e.ClusterTag, s.ClusterTag)
			} else {
				c.found.warn(n, "%q is listed already: once is enough", s.Subject)
			}
			return false
		case covers(e.Subject, s.Subject):
			c.found.warn(n, "%q is covered by %q, which is listed before it and decides the cluster tag (%q): list the narrower one first if its tag is to count", s.Subject, e.Subject, e.ClusterTag)
		case covers(s.Subject, e.Subject):
			c.found.warn(n, "%q covers %q, which is listed before it and decides the cluster tag of its own messages (%q)", s.Subject, e.Subject, e.ClusterTag)
		case overlap(e.Subject, s.Subject):
			c.found.fault(n, "%q and %q have subjects in common but neither covers the other, which one log cannot capture: "+
				"list subjects without wildcards, or one that covers both", s.Subject, e.Subject)
		}
	}
	return true
}
