package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

const (
	noEffect = "has no effect: "
)

// sectionNames are the sections of the format, each of which may be included.
func sectionNames() []string { return []string{"main", "metrics", "nats", "metric-store"} }

// sectionFormat describes the format with four sections.
func sectionFormat() field {
	keys := map[string]field{
		"main":         mainSection(),
		"metrics":      metricsSection(on(newAggregation)),
		"nats":         natsSection(),
		"metric-store": metricStoreSection(),
	}
	for _, name := range sectionNames() {
		// Includes are resolved before the check; here they serve suggestions.
		keys[name+includeSuffix] = field{kind: text}
	}
	addForeign(keys)
	return field{kind: section, keys: keys}
}

// addForeign adds the sections of other programs that may share the file.
func addForeign(keys map[string]field) {
	keys["fleet"], keys["fleet"+includeSuffix] = field{kind: anything}, field{kind: anything}
}

func mainSection() field {
	return field{kind: section, keys: map[string]field{
		"addr":            restAddress(),
		"https-cert-file": {kind: text, valid: on(readableFile)},
		"https-key-file":  {kind: text, valid: on(readableFile)},
		"user":            {kind: text},
		"group":           {kind: text},
		"jwt-public-key":  {kind: text, valid: on(publicKey)},

		"jwt-public-key-file": {kind: text, valid: on(publicKeyFile)},

		"jwt-roles": {kind: dictionary, name: endpointClass, element: &field{
			kind: items, element: &field{kind: text, valid: on(role)},
		}},
		"backend-url":   {kind: text, valid: on(backendAddress)},
		"backend-token": {kind: text, valid: on(secret)},
		"page":          {kind: flag},
		"debug":         debugSection(),
		"prometheus":    prometheusSection(),
	}}
}

func prometheusSection() field {
	return field{kind: section, keys: map[string]field{
		"max-queries": {kind: integer, valid: between(0, 1024, showInteger)},
		"timeout":     {kind: duration, valid: between(time.Second, time.Hour, showDuration)},
		"max-samples": {kind: integer, valid: between(1000, 1_000_000_000, showInteger)},
		"max-series":  {kind: integer, valid: between(1, 1_000_000, showInteger)},
		"max-points":  {kind: integer, valid: between(1, 1_000_000, showInteger)},
		"lookback":    {kind: duration, valid: between(time.Second, 30*24*time.Hour, showDuration)},
	}}
}

func restAddress() field {
	return field{kind: text, valid: on(hostPort)}
}

func debugSection() field {
	return field{kind: section, keys: map[string]field{
		"gops":         {kind: flag},
		"dump-to-file": {kind: text, ineffective: noEffect + "/api/debug shows what is in memory"},
	}}
}

// metricsSection describes the metrics. The formats have different checks of an
// aggregation.
func metricsSection(aggregation func(any) error) field {
	const example = `name the metrics to store, such as "cpu_load": {"frequency": 60, "aggregation": null}; ` +
		`without the section, the built-in list applies`
	return field{
		kind: dictionary, name: metricName,
		element: &field{kind: section, keys: map[string]field{
			"frequency": {
				kind: integer, wanted: "a whole number of seconds, such as 60, not a duration",
				required: "the sampling interval in seconds, such as 60",
				valid:    between(1, 365*24*3600, showSeconds),
			},
			"aggregation": {kind: text, wanted: `"sum", "avg" or null`, valid: aggregation},
		}},
		valid: on(func(metrics object) error {
			if len(metrics) == 0 {
				return errors.New("is empty: " + example)
			}
			return nil
		}),
	}
}

func natsSection() field {
	keys := natsClientKeys()
	keys["subscriptions"] = field{kind: anything, unsupported: "the subjects are listed in metric-store.nats-subscriptions: move them there"}
	keys["embedded"] = field{kind: section, keys: map[string]field{
		"addr":        {kind: text, valid: on(hostPort)},
		"directory":   {kind: text},
		"username":    {kind: text},
		"password":    {kind: text, valid: on(plainPassword)},
		"max-payload": {kind: size, valid: between(leastPayload, 1<<30, showSize)},
		"max-store":   {kind: size, valid: zeroOr(between(leastStore, largestDisk, showSize))},
		"sync":        {kind: text, wanted: wantedSync, valid: on(syncMode)},
		"cluster": {kind: section, keys: map[string]field{
			"name":   {kind: text, valid: on(clusterName)},
			"node":   {kind: text, valid: on(clusterName)},
			"addr":   {kind: text, valid: on(clusterPort)},
			"routes": {kind: items, required: wantedRoutes, element: &field{kind: text, valid: on(clusterPort)}},
		}},
	}}
	keys["stream"] = field{kind: section, keys: map[string]field{
		"name":        {kind: text, valid: on(streamName)},
		"replicas":    {kind: integer, valid: between(1, 5, showInteger)},
		"max-age":     {kind: duration, valid: between(time.Minute, maxDuration, showDuration)},
		"max-bytes":   {kind: size, valid: zeroOr(between(leastLog, largestDisk, showSize))},
		"compression": {kind: flag},
	}}
	return field{kind: section, keys: keys}
}

func natsClientKeys() map[string]field {
	return map[string]field{
		"address":         {kind: text, valid: on(brokerAddress)},
		"username":        {kind: text},
		"password":        {kind: text, valid: on(secret)},
		"creds-file-path": {kind: text, valid: on(readableFile)},
		"nkey-seed-file":  {kind: text, valid: on(readableFile)},
	}
}

func metricStoreSection() field {
	return field{kind: section, keys: map[string]field{
		"retention-in-memory": retention(),
		"memory-cap":          {kind: float, wanted: "a number of GB, 0 for no cap", valid: on(memoryCap)},
		"num-workers":         workers(),
		"max-series-per-host": {kind: integer, valid: between(1, 250_000, showInteger)},
		"max-hosts":           {kind: integer, valid: between(1, 10_000_000, showInteger)},
		"max-new-series":      {kind: integer, valid: between(1, 1_000_000_000, showInteger)},
		"future-tolerance":    {kind: duration, valid: between(time.Second, maxDuration, showDuration)},
		"nats-subscriptions":  subscriptions(),
		"subscriptions":       subscriptions(),
		"checkpoints":         checkpoints(),
		"checkpoint-interval": checkpointInterval(),
		"archive":             archive(),
		"cleanup": {kind: section, keys: map[string]field{
			"mode":      {kind: text, valid: on(cleanupMode)},
			"directory": {kind: text},
			"keep":      {kind: duration, valid: between(time.Minute, maxDuration, showDuration)},
			"max-bytes": {kind: size, valid: zeroOr(between(leastArchive, largestDisk, showSize))},
			"interval":  {kind: duration, ineffective: noEffect + "cleanup runs every half retention-in-memory"},
		}},
		"debug": {kind: anything, ineffective: noEffect + "main.debug.gops and /api/debug are there for this"},
	}}
}

// maxDuration keeps sums of a time and a duration far from overflowing.
const maxDuration = 100 * 365 * 24 * time.Hour

func retention() field {
	return field{kind: duration, valid: between(time.Minute, maxDuration, showDuration)}
}

func workers() field {
	return field{kind: integer, valid: between(0, 1024, showInteger)}
}

func subscriptions() field {
	return field{kind: items, element: &field{kind: section, keys: map[string]field{
		"subscribe-to": {kind: text, valid: on(subject), required: `a NATS subject, such as "hpc-nats"`},
		"cluster-tag":  {kind: text, valid: on(clusterTag)},
	}}}
}

func checkpoints() field {
	return field{kind: section, keys: map[string]field{
		"file-format":  {kind: text, ineffective: noEffect + "there is one format, and the log is the write-ahead log"},
		"directory":    {kind: text},
		"interval":     checkpointInterval(),
		"restore":      {kind: duration, ineffective: noEffect + "all that is within retention-in-memory is restored"},
		"max-wal-size": {kind: size, ineffective: noEffect + "the log is the write-ahead log: see nats.stream.max-bytes"},
	}}
}

func checkpointInterval() field {
	return field{kind: duration, valid: between(time.Second, maxDuration, showDuration)}
}

// archive describes the section that cleanup has replaced.
func archive() field {
	return field{kind: section, keys: map[string]field{
		"interval":       {kind: duration},
		"directory":      {kind: text},
		"delete-instead": {kind: flag},
	}}
}

const (
	cleanupDelete  = "delete"
	cleanupArchive = "archive"
)

func cleanupMode(mode string) error {
	if mode != cleanupDelete && mode != cleanupArchive {
		return fmt.Errorf(`%q is not known: say "delete" or "archive"`, mode)
	}
	return nil
}

func isAggregation(s string) bool { return s == "sum" || s == "avg" }

// newAggregation lets an unknown aggregation pass: it is warned about.
func newAggregation(string) error { return nil }

func flatAggregation(s string) error {
	if !isAggregation(s) {
		return fmt.Errorf(`%q is no aggregation: say "sum", "avg" or null`, s)
	}
	return nil
}

// metricName refuses what could not be sent as a measurement in line protocol
// without escapes, and wildcards but the one.
func metricName(name string) error {
	if name == "" || len(name) > 255 {
		return errors.New("a metric's name has 1 to 255 bytes")
	}
	illegal := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`,="\`, r)
	}
	if strings.ContainsFunc(name, illegal) || name[0] == '#' {
		return errors.New(`a metric's name has no blank, control character, comma, '=', '"' or '\', and does not begin with '#'`)
	}
	if name != Wildcard && strings.Contains(name, Wildcard) {
		return errors.New(`'*' stands for all other metrics when it is alone; it cannot be a part of a name`)
	}
	return nil
}
