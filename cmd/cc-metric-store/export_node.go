package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"cc-metric-store/rest/export"
)

const (
	// exportSilence is how long a node may send nothing.
	exportSilence = 10 * time.Minute
	// exportBehind is how far a node may be behind the log without a word about it.
	exportBehind = time.Minute
)

// exportNode exports what a running node holds.
func exportNode(ctx context.Context, o exportOptions, format string, out *exportOutput, stderr io.Writer) error {
	u, err := url.Parse(o.source)
	if err != nil || u.Host == "" {
		return errors.New("it is no URL of a node, such as http://localhost:8080")
	}
	if u.RawQuery != "" {
		return fmt.Errorf("%.200q belongs into -select and -format, and not into the URL", u.RawQuery)
	}
	if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/api/export") {
		u = u.JoinPath("api", "export")
	}
	query := url.Values{}
	for name, values := range o.selection {
		query[name] = values
	}
	query.Set("format", format)
	if format == formatParquet {
		query.Set("format", export.JSONLines.String())
	}
	u.RawQuery = query.Encode()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(exportSilence, func() { cancel(fmt.Errorf("the node has sent nothing for %v", exportSilence)) })
	defer silence.Stop()
	answer, err := askExport(ctx, u)
	if err != nil {
		return withCause(ctx, err)
	}
	defer answer.Body.Close()
	if err := checkExport(answer); err != nil {
		return err
	}
	if until, err := strconv.ParseInt(answer.Header.Get(exportHeader), 10, 64); err == nil && time.Since(time.Unix(until, 0)) > exportBehind {
		fmt.Fprintf(stderr, "the node is behind its log: what came there after %s may be missing\n", timeOf(until))
	}
	body := &silentReader{answer.Body, silence}
	if format == formatParquet {
		return withCause(ctx, writeObjects(body, out))
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, body, make([]byte, 1<<16)); err != nil {
		return withCause(ctx, fmt.Errorf("the answer is not complete: %w", err))
	}
	return nil
}

// exportHeader is in each export of a node.
const exportHeader = "X-Complete-Until"

// checkExport returns an error for an answer that is no export, such as the page of a proxy where
// one logs in, and for one whose end cannot be told from a break.
func checkExport(answer *http.Response) error {
	if answer.Header.Get(exportHeader) == "" {
		return fmt.Errorf("no node answers there, but another program, with %.100q and without the header %s: give the URL of a node", answer.Header.Get("Content-Type"), exportHeader)
	}
	isFramed := answer.ContentLength >= 0 || len(answer.TransferEncoding) > 0 || answer.Uncompressed || answer.ProtoMajor > 1
	if !isFramed {
		return errors.New("the answer does not say where its end is, so that a broken one would pass for the whole: a proxy in between has to speak HTTP/1.1 to its clients; or ask the node itself")
	}
	return nil
}

// withCause adds why a context has ended.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// silentReader ends the silence with each read.
type silentReader struct {
	io.Reader
	silence *time.Timer
}

func (r *silentReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.silence.Reset(exportSilence)
	return n, err
}

// askExport asks a node. The caller closes the body of the answer.
func askExport(ctx context.Context, u *url.URL) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	token := os.Getenv(tokenVariable)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{
		// As with -ready: nobody stands between two programs of one machine.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: loopback(u.Hostname())}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReadyBody))
	if err != nil {
		return nil, err
	}
	var fault struct{ Error string }
	said := strings.TrimSpace(string(text))
	if json.Unmarshal(text, &fault) == nil && fault.Error != "" {
		said = fault.Error
	}
	err = fmt.Errorf("the node says %s: %.300s", answer.Status, said)
	if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
		err = fmt.Errorf("%w: put a token that may query into the environment variable %s (-gen-token api makes one)", err, tokenVariable)
	}
	return nil, err
}

// writeObjects writes JSON lines to a Parquet file.
func writeObjects(r io.Reader, out *exportOutput) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), export.MaxObject)
	var row export.Row
	for lines.Scan() {
		series, err := export.ParseObject(lines.Bytes(), &row)
		if err != nil {
			return fmt.Errorf("the answer is not complete: %w", err)
		}
		if err := out.add(&series, row); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the answer is not complete: %w", err)
	}
	return nil
}
