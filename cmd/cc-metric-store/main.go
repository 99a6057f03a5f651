// Command cc-metric-store keeps the last days of an HPC cluster's metrics in
// memory: it takes samples from NATS and over REST, and answers queries.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// Set by the linker, see the Makefile.
var version, gitHash, buildTime = "development", "unknown", "unknown"

const (
	exitFailure = 1
	exitUsage   = 2
)

// options are the command line.
type options struct {
	config      string
	configGiven bool
	check       bool
	print       bool
	addr        string
	natsAddr    string
	genKeyPair  bool
	genToken    string
	dev         bool
	gops        bool
	logLevel    string
	logDate     bool
	version     bool
	cleanUp     bool
	dump        string
	importFrom  string
	list        string
	export      exportOptions
	ready       string
	all         bool
}

func main() {
	opts, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(exitUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// After the first signal, a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, opts, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cc-metric-store:", err)
		os.Exit(exitFailure)
	}
}

const defaultConfig = "./config.json"

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("cc-metric-store", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.config, "config", defaultConfig, "configuration `file`; without one at this place the built-in defaults apply")
	fs.BoolVar(&o.check, "check-config", false, "check the configuration, say what is wrong with it, and exit")
	fs.BoolVar(&o.print, "print-config", false, "print the configuration in force, without secrets, in the form of a configuration file, and exit")
	fs.StringVar(&o.addr, "addr", "", "`host:port` of the REST interface, instead of main.addr (default localhost:8080)")
	fs.StringVar(&o.natsAddr, "nats-addr", "", "`host:port` at which the embedded NATS server listens, instead of nats.embedded.addr (without a configuration file 127.0.0.1:4222)")
	fs.BoolVar(&o.genKeyPair, "gen-keypair", false, "print a new key pair: "+publicKeyVariable+" is for main.jwt-public-key, and "+privateKeyVariable+" signs tokens; then exit")
	fs.StringVar(&o.genToken, "gen-token", "", "print a token that is valid for a year, with these `roles`, such as api, or none; it is signed with the "+privateKeyVariable+" of the environment; then exit")
	fs.BoolVar(&o.dev, "dev", false, "serve the Swagger page of the REST interface at /swagger/")
	fs.BoolVar(&o.gops, "gops", false, "listen for the gops diagnostics tool (github.com/google/gops)")
	fs.StringVar(&o.logLevel, "loglevel", "warn", "write log lines from this `level` on: debug, info, warn, err or crit")
	fs.BoolVar(&o.logDate, "logdate", false, "put date and time into log lines")
	fs.StringVar(&o.dump, "dump", "", "print a `file` of a checkpoint, or of its segments, as lines of JSON, and exit")
	fs.StringVar(&o.importFrom, "import", "", "import the files at this `path`, into the node with this configuration if it is running (with the token in "+tokenVariable+" if it asks for one), otherwise into its log and checkpoints; say what was taken, and exit. It takes a directory of ClusterCockpit's metric store, a Parquet file of that program or this one, and what -export has written as parquet or lp")
	fs.StringVar(&o.list, "list", "", "print what the files at this `path` hold: clusters, hosts, metrics, times, samples and bytes of an archive, of checkpoints, or of those of ClusterCockpit's metric store; then exit")
	fs.StringVar(&o.export.source, "export", "", "export samples from this `source`: the URL of a node, such as http://localhost:8080 (with the token in "+tokenVariable+" if it asks for one), an archive, a Parquet file, or checkpoints of this program; then exit")
	fs.StringVar(&o.export.output, "o", "", "with -export: write to this `file`, which is there when it is complete; .gz or .zst at the end compresses; default is standard output")
	fs.StringVar(&o.export.format, "format", "", "with -export: `format` lp (line protocol), csv, jsonl or parquet; default is the ending of -o, or lp")
	o.export.selection = exportSelection{}
	fs.Func("select", "with -export: export only what this `selection` names, such as cluster=fritz,host=f0001,metric=cpu_load,type=node,from=1760000000,to=2025-10-10T00:00:00Z; names may come several times, and so may -select", o.export.selection.add)
	fs.StringVar(&o.ready, "ready", "", "ask the node at this `URL`, such as http://localhost:8080, whether it is ready; print what it says, and exit with 0 only if it is")
	fs.BoolVar(&o.all, "all", false, "with -ready: ask whether another node of its cluster may be stopped")
	fs.BoolVar(&o.cleanUp, "cleanup-checkpoints", false, "delete the samples of a node that is not running that are older than the retention, or move them to its archive, and exit")
	fs.BoolVar(&o.version, "version", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "Usage of cc-metric-store:")
			fs.SetOutput(stderr)
			fs.PrintDefaults()
			return o, err
		}
		fmt.Fprintf(stderr, "cc-metric-store: %v: see -help\n", err) // which is so long that nobody would see the error above it
		return o, err
	}
	if fs.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q: all options are flags, see -help", fs.Arg(0))
		fmt.Fprintln(stderr, "cc-metric-store:", err)
		return o, err
	}
	if o.all && o.ready == "" {
		err := errors.New("-all is of no use without -ready")
		fmt.Fprintln(stderr, "cc-metric-store:", err)
		return o, err
	}
	if o.export.isGiven() && o.export.source == "" {
		err := errors.New("-o, -format and -select are of no use without -export")
		fmt.Fprintln(stderr, "cc-metric-store:", err)
		return o, err
	}
	if _, err := logLevel(o.logLevel); err != nil {
		fmt.Fprintln(stderr, "cc-metric-store:", err)
		return o, err
	}
	var err error
	command := "" // the flag that says what to do instead of running
	fs.Visit(func(f *flag.Flag) {
		o.configGiven = o.configGiven || f.Name == "config"
		switch f.Name {
		case "dump", "import", "list", "export", "ready", "gen-keypair", "gen-token", "cleanup-checkpoints":
			if command != "" {
				err = fmt.Errorf("-%s and -%s are given: each is done alone, one after the other", command, f.Name)
			}
			command = f.Name
		}
		if f.Value.String() == "" && f.Name != "select" { // of a variable that is not set, most likely
			err = fmt.Errorf("-%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	if err != nil {
		fmt.Fprintln(stderr, "cc-metric-store:", err)
	}
	return o, err
}

func printVersion(w io.Writer) {
	fmt.Fprintf(w, "Version:\t%s\nGit hash:\t%s\nBuild time:\t%s\nGo version:\t%s\n", version, gitHash, buildTime, runtime.Version())
}
