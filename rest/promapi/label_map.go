package promapi

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"cc-metric-store/store"
)

// typeNode is the type of a host itself, which has none in the store.
const typeNode = "node"

// labelList lists the labels of series, in order.
func labelList() []string {
	return []string{model.MetricNameLabel, "cluster", "hostname", "stype", "stype_id", "type", "type_id"}
}

// storeLabel returns what the store calls a label, false if no series has one of this name.
func storeLabel(name string) (store.Label, bool) {
	switch name {
	case model.MetricNameLabel:
		return store.LabelMetric, true
	case "cluster":
		return store.LabelCluster, true
	case "hostname":
		return store.LabelHost, true
	case "type":
		return store.LabelType, true
	case "type_id":
		return store.LabelTypeID, true
	case "stype":
		return store.LabelSubtype, true
	case "stype_id":
		return store.LabelSubtypeID, true
	}
	return "", false
}

// labelsOf returns the labels of a series.
func labelsOf(b *labels.ScratchBuilder, id *store.SeriesID) labels.Labels {
	b.Reset()
	add := func(name, value string) {
		if value != "" {
			b.Add(name, value)
		}
	}
	// In order of their names.
	b.Add(model.MetricNameLabel, id.Metric)
	add("cluster", id.Cluster)
	add("hostname", id.Host)
	add("stype", id.Part.Subtype)
	add("stype_id", id.Part.SubID)
	if id.Part.Type == "" {
		b.Add("type", typeNode)
	} else {
		b.Add("type", id.Part.Type)
	}
	add("type_id", id.Part.ID)
	return b.Labels()
}

// selection is a selector as the store knows it.
type selection struct {
	matchers []*store.Matcher
	isEmpty  bool // it finds nothing, whatever the store holds
	// hosts asks for series of hosts themselves, made of their parts if need be.
	hosts bool
}

// translate returns what the store knows of a selector.
func translate(matchers []*labels.Matcher) (selection, error) {
	var s selection
	for _, m := range matchers {
		label, ok := storeLabel(m.Name)
		if !ok { // no series has it
			s.isEmpty = s.isEmpty || !m.Matches("")
			continue
		}
		one, err := translateOne(label, m)
		if err != nil {
			return s, fmt.Errorf("selector %v: %w", m, err)
		}
		s.matchers = append(s.matchers, one)
		s.hosts = s.hosts || label == store.LabelType && m.Type == labels.MatchEqual && m.Value == typeNode
	}
	if !s.hosts {
		return s, nil
	}
	for _, m := range matchers { // those of parts are not looked at for hosts
		value := ""
		switch m.Name {
		case "type":
			value = typeNode
		case "type_id", "stype", "stype_id":
		default:
			continue
		}
		s.isEmpty = s.isEmpty || !m.Matches(value)
	}
	return s, nil
}

// translateOne returns a matcher of a label as the store has it.
func translateOne(label store.Label, m *labels.Matcher) (*store.Matcher, error) {
	value := func(v string) string { return v }
	if label == store.LabelType {
		value = func(v string) string {
			if v == "" {
				return typeNode
			}
			return v
		}
	}
	var among []string
	switch set := m.SetMatches(); {
	case m.Type == labels.MatchEqual:
		among = []string{m.Value}
	case m.Type == labels.MatchRegexp && len(set) > 0:
		among = slices.Clone(set) // which belongs to m
	}
	if label == store.LabelType {
		for i, v := range among {
			if v == typeNode {
				among[i] = ""
			}
		}
	}
	return store.NewMatcherFunc(label, among, func(v string) bool { return m.Matches(value(v)) })
}
