package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// kind is the sort of target that -url and -mode name.
type kind uint8

const (
	kindCore kind = iota
	kindJetStream
	kindHTTP
	kindStdout
)

// options is what the command line asks for, checked as a whole.
type options struct {
	// Load.
	clusters   map[string]load.Topology
	names      []string // of the clusters, in order
	hosts      int
	scopes     []string
	quotients  float64 // share of the series
	perCluster bool    // one message for all hosts of a cluster
	seed       uint64
	seedGiven  bool

	// Time.
	history  time.Duration
	end      int64 // Unix seconds; 0 is now
	live     bool
	duration time.Duration
	interval time.Duration
	rate     float64 // samples per second; 0 is unlimited

	// Target.
	kind        kind
	url         *url.URL // HTTP only
	nats        natsConfig
	jwt         string
	connections int
	giveUp      time.Duration
	stdout      io.Writer
}

// rawFlags holds the flags that need more than parsing.
type rawFlags struct {
	clusters, scopes, message, url, mode, jwtFile string
}

// parseOptions reads the command line. It returns flag.ErrHelp if help was
// asked for, else one error that names everything that is wrong.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{stdout: stdout}
	var raw rawFlags
	fs := newFlagSet(o, &raw)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })

	var faults []error
	if fs.NArg() > 0 {
		faults = append(faults, fmt.Errorf("%q: only flags are expected, each with a dash", fs.Arg(0)))
	}
	faults = append(faults, o.checkLoad(raw)...)
	faults = append(faults, o.checkTime(given)...)
	faults = append(faults, o.checkTarget(raw, given)...)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if o.seedGiven = given["seed"]; !o.seedGiven {
		o.seed = rand.Uint64()
	}
	return o, nil
}

func newFlagSet(o *options, raw *rawFlags) *flag.FlagSet {
	fs := flag.NewFlagSet("cc-metric-generator", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // main reports
	fs.Usage = func() {}

	fs.StringVar(&raw.clusters, "clusters", "alex,fritz", "")
	flagOf(fs, "hosts", &o.hosts, strconv.Atoi, "a whole number")
	fs.StringVar(&raw.scopes, "scopes", "node,socket,hwthread,accelerator", "")
	flagOf(fs, "quotients", &o.quotients, parseFloat, "a share from 0 to 1, such as 0.15")
	fs.StringVar(&raw.message, "message", "host", "")
	flagOf(fs, "seed", &o.seed, parseUint, "a whole number from 0 to 2^64-1")

	flagOf(fs, "history", &o.history, time.ParseDuration, aDuration)
	flagOf(fs, "end", &o.end, parseInt, "Unix seconds, such as 1700000060")
	fs.BoolVar(&o.live, "live", false, "")
	flagOf(fs, "duration", &o.duration, time.ParseDuration, aDuration)
	o.interval = time.Minute
	flagOf(fs, "interval", &o.interval, time.ParseDuration, aDuration)
	flagOf(fs, "rate", &o.rate, parseFloat, "samples per second, such as 1e6")

	fs.StringVar(&raw.url, "url", "nats://127.0.0.1:4222", "")
	fs.StringVar(&raw.mode, "mode", "core", "")
	fs.StringVar(&o.nats.subject, "subject", "hpc-nats", "")
	fs.StringVar(&o.nats.username, "username", "", "")
	fs.StringVar(&o.nats.password, "password", "", "")
	fs.StringVar(&o.nats.creds, "creds", "", "")
	fs.StringVar(&o.jwt, "jwt", "", "")
	fs.StringVar(&raw.jwtFile, "jwt-file", "", "")
	o.connections = 1
	flagOf(fs, "connections", &o.connections, strconv.Atoi, "a whole number")
	o.giveUp = time.Minute
	flagOf(fs, "give-up", &o.giveUp, time.ParseDuration, aDuration)
	return fs
}

const aDuration = "a duration, such as 90s or 24h"

// flagOf defines a flag whose errors say what it wants.
func flagOf[T any](fs *flag.FlagSet, name string, value *T, parse func(string) (T, error), want string) {
	fs.Func(name, "", func(text string) error {
		v, err := parse(text)
		if err != nil {
			return fmt.Errorf("give %s", want)
		}
		*value = v
		return nil
	})
}

func parseInt(s string) (int64, error)     { return strconv.ParseInt(s, 10, 64) }
func parseUint(s string) (uint64, error)   { return strconv.ParseUint(s, 10, 64) }
func parseFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

func (o *options) checkLoad(raw rawFlags) (faults []error) {
	known, err := load.Clusters()
	if err != nil {
		return []error{err}
	}
	o.clusters = known
	if o.names, err = splitList(raw.clusters, slices.Sorted(maps.Keys(known))); err != nil {
		faults = append(faults, fmt.Errorf("-clusters %q: %w", raw.clusters, err))
	}
	scopes, err := splitList(raw.scopes, load.Scopes())
	if err != nil {
		faults = append(faults, fmt.Errorf("-scopes %q: %w", raw.scopes, err))
	}
	for _, scope := range load.Scopes() { // in message order, not as typed
		if slices.Contains(scopes, scope) {
			o.scopes = append(o.scopes, scope)
		}
	}
	if o.hosts < 0 {
		faults = append(faults, fmt.Errorf("-hosts %d: give the number of hosts in each cluster, "+
			"or 0 for the documented ones", o.hosts))
	}
	if !(o.quotients >= 0 && o.quotients <= 1) { // NaN, too
		faults = append(faults, fmt.Errorf("-quotients %v: give a share of the series from 0 to 1", o.quotients))
	}
	switch raw.message {
	case "host":
	case "cluster":
		o.perCluster = true
	default:
		faults = append(faults, fmt.Errorf("-message %q: one message holds the tick of a host or of a cluster", raw.message))
	}
	return faults
}

func (o *options) checkTime(given map[string]bool) (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.interval < time.Second || o.interval%time.Second != 0 {
		fault("-interval %v: give whole seconds, 1s at least, since timestamps are in seconds", o.interval)
		return faults
	}
	if !o.live && !given["history"] {
		fault("nothing to send: give -history (such as 24h) for the past, -live for the present, or both")
	}
	if given["history"] && o.history < o.interval {
		fault("-history %v: give at least one interval (%v)", o.history, o.interval)
	}
	if given["duration"] && !o.live {
		fault("-duration: applies to -live only; the length of the past is -history")
	}
	if o.duration < 0 {
		fault("-duration %v: give a positive duration, or 0 to go on until interrupted", o.duration)
	}
	if given["end"] && (o.live || !given["history"]) {
		fault("-end: applies to -history without -live, since live data end now")
	}
	if given["end"] && o.end < int64(o.history/time.Second) {
		fault("-end %d: give Unix seconds, -history %v after 1970 at least", o.end, o.history)
	}
	if !(o.rate >= 0) { // NaN, too
		fault("-rate %v: give samples per second, or 0 for no limit", o.rate)
	}
	return faults
}

// splitList splits a list at its commas. Each item must be one of known and may
// appear once.
func splitList(list string, known []string) ([]string, error) {
	var items []string
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if !slices.Contains(known, item) {
			return nil, fmt.Errorf("%q is unknown: known are %s", item, strings.Join(known, ", "))
		}
		if slices.Contains(items, item) {
			return nil, fmt.Errorf("%q is given twice", item)
		}
		items = append(items, item)
	}
	return items, nil
}

// readToken reads a token from a file, without the white space around it.
func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("read token: %s is empty", path)
	}
	return token, nil
}
