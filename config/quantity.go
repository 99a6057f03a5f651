package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	wantedDuration = `a duration in quotes with its unit, such as "48h" or "90m"`
	wantedSize     = `a number of bytes, or a size in quotes such as "64MB" or "1.5GB"`
)

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not %s", text, wantedDuration)
	}
	return d, nil
}

// parseInteger accepts 60, 60.0 and 6e1.
func parseInteger(number json.Number) (int64, error) {
	if whole, err := number.Int64(); err == nil {
		return whole, nil
	}
	f, err := number.Float64()
	if err != nil || math.Abs(f) >= 1<<53 {
		return 0, fmt.Errorf("%s is out of range", number)
	}
	if f != math.Trunc(f) {
		return 0, fmt.Errorf("%s is not a whole number", number)
	}
	return int64(f), nil
}

func parseFloat(number json.Number) (float64, error) {
	f, err := number.Float64()
	if err != nil {
		return 0, fmt.Errorf("%s is out of range", number)
	}
	return f, nil
}

// parseSize returns bytes; a fraction of a byte is dropped.
func parseSize(text string) (int64, error) {
	parts := regexp.MustCompile(`(?i)^\s*([0-9]+(?:\.[0-9]+)?(?:e\+?[0-9]+)?)\s*(?:([kmgt])(?:i?b)?|b)?\s*$`).FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is not %s", text, wantedSize)
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is not %s", text, wantedSize)
	}
	if parts[2] != "" {
		power := 1 + strings.Index("kmgt", strings.ToLower(parts[2]))
		number = math.Ldexp(number, 10*power)
	}
	if number > largestDisk {
		return 0, fmt.Errorf("%q is out of range: no disk holds more than %s", text, showSize(largestDisk))
	}
	return int64(number), nil
}

// between makes a check that a value lies in [low, high]; show prints a bound.
func between[T int64 | float64 | time.Duration](low, high T, show func(T) string) func(any) error {
	return func(value any) error {
		if v, ok := value.(T); ok && (v < low || v > high) {
			return fmt.Errorf("%s is out of range: give %s to %s", show(v), show(low), show(high))
		}
		return nil
	}
}

// zeroOr makes a check that accepts 0, which asks for the default, as well.
func zeroOr(valid func(any) error) func(any) error {
	return func(value any) error {
		if value == any(int64(0)) {
			return nil
		}
		return valid(value)
	}
}

func showInteger(v int64) string          { return strconv.FormatInt(v, 10) }
func showFloat(v float64) string          { return strconv.FormatFloat(v, 'g', -1, 64) }
func showDuration(v time.Duration) string { return v.String() }
func showSeconds(v int64) string          { return showInteger(v) + " s" }
func showSize(v int64) string {
	for i, unit := range []string{"TB", "GB", "MB", "KB"} {
		if shift := 40 - 10*i; v != 0 && v%(1<<shift) == 0 {
			return showInteger(v>>shift) + unit
		}
	}
	return showInteger(v) + " bytes"
}

const (
	// leastPayload takes the longest line, its message's headers, and some room.
	leastPayload = 128 << 10
	// leastStore has room for the log, the refused lines and their indices.
	leastStore = 64 << 20
	// leastLog holds several of the entries that writes over REST are cut into.
	leastLog = 4 << 20
	// leastArchive holds several files.
	leastArchive = 16 << 20
	// largestDisk is far from where a float64, as which a size may be written, is not exact.
	largestDisk = 8191 << 40
)

// minMemoryCap is what the open blocks of the largest hosts take, in GB.
const minMemoryCap = 1.0 / 16

// memoryCap accepts a number of GB that the store can keep to.
func memoryCap(gb float64) error {
	if gb != 0 && (gb < minMemoryCap || gb > 1<<20) {
		return fmt.Errorf("%s GB is out of range: give 0 for no cap, or %v to %d GB", showFloat(gb), minMemoryCap, 1<<20)
	}
	return nil
}
