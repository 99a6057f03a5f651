package config

import (
	"fmt"
	"sort"
	"strings"
)

// fault is one thing in a configuration that prevents a start.
type fault struct {
	// Path is as in Warning.
	Path string
	// Problem says what is wrong and what would be right. It does not repeat the path.
	Problem string
}

// String returns the path and the problem.
func (f fault) String() string {
	if f.Path == "" {
		return f.Problem
	}
	return f.Path + ": " + f.Problem
}

// faultsError reports all faults of one configuration at once.
type faultsError struct {
	// File is the absolute path of the file.
	File string
	// Faults is in order of the paths and never empty.
	Faults []fault
}

// Error lists the faults, one a line if there are several.
func (e *faultsError) Error() string {
	if len(e.Faults) == 1 {
		return fmt.Sprintf("check configuration %s: %s", e.File, e.Faults[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "check configuration %s: %d faults:", e.File, len(e.Faults))
	for _, f := range e.Faults {
		b.WriteString("\n  ")
		b.WriteString(f.String())
	}
	return b.String()
}

// Warning is something in a configuration that does not prevent a start but that the
// operator should know.
type Warning struct {
	// Path is the place in the file as it is written there, such as
	// nats[0].subscriptions[1].subscribe-to. Empty: the file as a whole.
	Path string
	// Text does not repeat the path.
	Text string
	// UnknownKey says that the key means nothing here, most likely for a typing error.
	// A check of the file may treat it as an error.
	UnknownKey bool
}

// findings collects the faults and warnings of one file.
type findings struct {
	faults   []fault
	warnings []Warning
}

func (f *findings) fault(n *node, format string, args ...any) {
	f.faults = append(f.faults, fault{Path: clip(n.path), Problem: n.origin(clip(fmt.Sprintf(format, args...)))})
}

func (f *findings) warn(n *node, format string, args ...any) {
	f.warnings = append(f.warnings, Warning{Path: clip(n.path), Text: n.origin(clip(fmt.Sprintf(format, args...)))})
}

func (f *findings) unknownKey(n *node, text string) {
	f.warnings = append(f.warnings, Warning{Path: clip(n.path), Text: n.origin(text), UnknownKey: true})
}

// maxText bounds a message, which may quote what is in the file.
const maxText = 800

// clip cuts the middle out of a long message, whose end says what would be right.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText/2], "") + " ... " + strings.ToValidUTF8(text[len(text)-maxText/2:], "")
}

func (f *findings) sort() {
	sort.SliceStable(f.faults, func(i, j int) bool { return f.faults[i].Path < f.faults[j].Path })
	sort.SliceStable(f.warnings, func(i, j int) bool { return f.warnings[i].Path < f.warnings[j].Path })
}
