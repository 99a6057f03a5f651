package promapi

import (
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"cc-metric-store/store"
)

// parameters are those of a request.
type parameters struct {
	values url.Values
	name   string // of the label that the path names
}

// readParameters reads the parameters of the URL and of a form in the body, which come first.
func readParameters(r *http.Request) (*parameters, error) {
	p := &parameters{values: url.Values{}}
	if r.Method == http.MethodPost && r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, badData(fmt.Errorf("read the body: %w", err))
		}
		if len(text) > 0 {
			if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
				return nil, badData(fmt.Errorf("the body is %q: a form is wanted, application/x-www-form-urlencoded", clip(kind)))
			}
			if err := p.add(string(text)); err != nil {
				return nil, badData(fmt.Errorf("read the form in the body: %w", err))
			}
		}
	}
	if err := p.add(r.URL.RawQuery); err != nil {
		return nil, badData(fmt.Errorf("read the parameters of the URL: %w", err))
	}
	return p, nil
}

// maxParameters bounds the parameters of one request.
const maxParameters = 10_000

func (p *parameters) add(text string) error {
	if strings.Count(text, "&") >= maxParameters {
		return fmt.Errorf("there are more than %d parameters", maxParameters)
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return err
	}
	for name, list := range values {
		p.values[name] = append(p.values[name], list...)
	}
	return nil
}

// maxSeconds bounds the times of queries, in seconds from 1970 in both directions: it is so far
// away that nothing is there, and so near that no sum of times overflows.
const maxSeconds = 1e12

// time returns the time that a parameter has, absent if there is none.
func (p *parameters) time(name string, absent time.Time) (time.Time, error) {
	text := p.values.Get(name)
	if text == "" {
		return absent, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, badData(fmt.Errorf("parameter %q: %w", name, err))
	}
	return t, nil
}

// parseTime reads seconds since 1970, which may have a fraction, or a time of RFC 3339.
func parseTime(text string) (time.Time, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(math.Abs(s) <= maxSeconds) { // not NaN either
			return time.Time{}, fmt.Errorf("%s is no time in Unix seconds", clip(text))
		}
		return time.UnixMilli(int64(math.Round(s * 1000))).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither Unix seconds nor a time such as 2026-01-02T15:04:05Z", clip(text))
	}
	return t, nil
}

// window returns the times of a request for names, in which the archive is asked as well. Without a start it is
// empty: then what memory has is all that is answered from. Some clients send the first and last time that
// they know.
func (p *parameters) window() (b store.SelectBounds, err error) {
	from, err := p.edge("start", 0)
	if err != nil {
		return b, err
	}
	to, err := p.edge("end", math.MaxInt64-1)
	if err != nil || p.values.Get("start") == "" {
		return b, err
	}
	return store.SelectBounds{From: from, To: to + 1}, nil
}

// edge returns the Unix second of a time, however far away it is.
func (p *parameters) edge(name string, absent int64) (int64, error) {
	text := p.values.Get(name)
	if text == "" {
		return absent, nil
	}
	if s, err := strconv.ParseFloat(text, 64); (err == nil || errors.Is(err, strconv.ErrRange)) && !math.IsNaN(s) {
		return int64(max(-maxSeconds, min(math.Floor(s), maxSeconds))), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, badData(fmt.Errorf("parameter %q: %q is neither Unix seconds nor a time such as 2026-01-02T15:04:05Z", name, clip(text)))
	}
	return t.Unix(), nil
}

// duration returns the duration that a parameter has, zero if there is none.
func (p *parameters) duration(name string) (time.Duration, error) {
	text := p.values.Get(name)
	if text == "" {
		return 0, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		if !(math.Abs(s) <= math.MaxInt64/float64(time.Second)/2) {
			return 0, badData(fmt.Errorf("parameter %q: %s is no number of seconds", name, clip(text)))
		}
		return time.Duration(s * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, badData(fmt.Errorf("parameter %q: %q is neither seconds nor a duration such as 5m", name, clip(text)))
	}
	return time.Duration(d), nil
}

// limit returns the number that a parameter has, zero, for no limit, if there is none.
func (p *parameters) limit(name string) (int, error) {
	text := p.values.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badData(fmt.Errorf("parameter %q: %q is no number from 0 on", name, clip(text)))
	}
	return n, nil
}

// clip shortens what a client sent for a message.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// seconds returns a time for people.
func seconds(s int64) string { return strconv.FormatInt(s, 10) + " s" }
