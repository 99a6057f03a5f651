package rest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// script is one of Prometheus' acceptance scripts: commands in order.
type script struct {
	name     string
	commands []scriptCommand
}

// scriptCommand is clear, load or eval.
type scriptCommand struct {
	line int
	// load
	interval time.Duration
	series   []scriptSeries
	// eval
	isEval      bool
	expression  string
	isRange     bool
	at, to      time.Duration
	step        time.Duration
	want        []scriptSeries
	wantScalar  *float64
	wantString  *string
	fails       bool
	ordered     bool
	warns       string // "yes", "no", or empty: it does not matter
	infos       string
	matrix      bool // an instant query that gives points of these times
	mFrom, mEnd time.Duration
	mStep       time.Duration
	unreadable  string // why the command is not understood
}

type scriptSeries struct {
	labels labels.Labels
	values []parser.SequenceValue
}

var (
	scriptLoad    = regexp.MustCompile(`^load(_with_nhcb)?\s+(\S+)$`)
	scriptInstant = regexp.MustCompile(`^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$`)
	scriptRange   = regexp.MustCompile(`^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$`)
	scriptMatrix  = regexp.MustCompile(`^expect range vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$`)
)

// scriptParser reads series, also those of features that are off by default.
func scriptParser() parser.Parser {
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: true, EnableBinopFillModifiers: true, EnableUnquotedUTF8Names: true})
}

// readScript reads a script: commands are separated by empty lines.
func readScript(t *testing.T, name, path string) script {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := script{name: name}
	var block []string
	first := 0
	finish := func() {
		if len(block) > 0 {
			s.commands = append(s.commands, readCommand(t, first, block))
		}
		block = nil
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case line == "" || strings.HasPrefix(line, "load") || strings.HasPrefix(line, "eval") || line == "clear":
			finish()
			if line == "" {
				continue
			}
		}
		if len(block) == 0 {
			first = i + 1
		}
		block = append(block, line)
	}
	finish()
	return s
}

func readCommand(t *testing.T, line int, block []string) scriptCommand {
	c := scriptCommand{line: line}
	head := block[0]
	var err error
	period := func(text string) time.Duration {
		negative := strings.HasPrefix(text, "-")
		d, e := model.ParseDuration(strings.TrimPrefix(text, "-"))
		if e != nil {
			c.unreadable = e.Error()
		}
		if negative {
			d = -d
		}
		return time.Duration(d)
	}
	var kind string
	switch {
	case head == "clear":
		return c
	case scriptLoad.MatchString(head):
		m := scriptLoad.FindStringSubmatch(head)
		if m[1] != "" {
			c.unreadable = "native histograms"
		}
		c.interval = period(m[2])
		for _, text := range block[1:] {
			var one scriptSeries
			if one.labels, one.values, err = scriptParser().ParseSeriesDesc(text); err != nil {
				c.unreadable = "values that are no numbers"
				continue
			}
			c.series = append(c.series, one)
		}
		return c
	case scriptRange.MatchString(head):
		m := scriptRange.FindStringSubmatch(head)
		c.isEval, c.isRange, kind = true, true, m[1]
		c.at, c.to, c.step, c.expression = period(m[2]), period(m[3]), period(m[4]), m[5]
	case scriptInstant.MatchString(head):
		m := scriptInstant.FindStringSubmatch(head)
		c.isEval, kind, c.expression = true, m[1], m[3]
		if m[2] != "" {
			c.at = period(m[2])
		}
	default:
		t.Fatalf("line %d: no command: %s", line, head)
	}
	switch kind {
	case "fail":
		c.fails = true
	case "ordered":
		c.ordered = true
	case "warn":
		c.warns = "yes"
	case "info":
		c.infos = "yes"
	}
	for _, text := range block[1:] {
		c.readExpectation(text, period)
	}
	return c
}

func (c *scriptCommand) readExpectation(text string, period func(string) time.Duration) {
	word, rest, _ := strings.Cut(text, " ")
	switch {
	case scriptMatrix.MatchString(text):
		m := scriptMatrix.FindStringSubmatch(text)
		c.matrix, c.mFrom, c.mEnd, c.mStep = true, period(m[1]), period(m[2]), period(m[3])
		return
	case strings.HasPrefix(text, "expect string "):
		s, err := strconv.Unquote(strings.TrimSpace(strings.TrimPrefix(text, "expect string ")))
		if err != nil {
			c.unreadable = err.Error()
		}
		c.wantString = &s
		return
	case word == "expected_fail_message" || word == "expected_fail_regexp":
		return // its words are no part of the interface
	case word == "expect":
		what, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		switch what {
		case "fail":
			c.fails = true
		case "ordered":
			c.ordered = true
		case "warn":
			c.warns = "yes"
		case "no_warn":
			c.warns = "no"
		case "info":
			c.infos = "yes"
		case "no_info":
			c.infos = "no"
		}
		return
	}
	if f, err := parseScriptNumber(text); err == nil {
		c.wantScalar = &f
		return
	}
	var one scriptSeries
	var err error
	if one.labels, one.values, err = scriptParser().ParseSeriesDesc(text); err != nil {
		c.unreadable = fmt.Sprintf("%q: %v", text, err)
		return
	}
	c.want = append(c.want, one)
}

func parseScriptNumber(text string) (float64, error) {
	return strconv.ParseFloat(text, 64)
}
