package promapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"cc-metric-store/store"
)

// selectors returns the matchers that the parameters match[] have, each with what the store makes of
// them.
func (a *API) selectors(p *parameters) ([]selection, error) {
	var out []selection
	var b budget
	for _, text := range p.values["match[]"] {
		if err := b.check(text); err != nil {
			return nil, badData(fmt.Errorf(`parameter "match[]": %w`, err))
		}
		matchers, err := a.parser.ParseMetricSelector(text)
		if err != nil {
			return nil, badData(fmt.Errorf(`parameter "match[]": %w`, err))
		}
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			return nil, badData(errors.New(`parameter "match[]": one of the matchers has to refuse the empty text`))
		}
		one, err := translate(matchers)
		if err != nil {
			return nil, badData(fmt.Errorf(`parameter "match[]": %w`, err))
		}
		out = append(out, one)
	}
	return out, nil
}

// series answers series: the labels of the series that any selector finds.
func (a *API) series(ctx context.Context, p *parameters, out *answer) error {
	selectors, err := a.selectors(p)
	if err != nil {
		return err
	}
	if len(selectors) == 0 {
		return badData(errors.New(`the parameter "match[]" is missing: give a selector, such as cpu_load{cluster="fritz"}`))
	}
	limit, err := p.limit("limit")
	if err != nil {
		return err
	}
	window, err := p.window()
	if err != nil {
		return err
	}
	found, truncated, err := a.selectAny(ctx, selectors, window, limit)
	if err != nil {
		return evaluationError(ctx, err)
	}
	n := notes{}
	if truncated {
		n.warnings = []string{truncatedNote}
	}
	var builder labels.ScratchBuilder
	out.begin()
	out.buf = append(out.buf, '[')
	for i := range found {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		out.labels(labelsOf(&builder, &found[i]))
		if !out.spill(ctx) {
			return nil
		}
	}
	out.buf = append(out.buf, ']')
	out.end(n)
	return nil
}

// selectAny returns the series that any of the selectors finds in a window, each once, and no more than limit, unless that
// is 0. more says that there are others.
func (a *API) selectAny(ctx context.Context, selectors []selection, window store.SelectBounds, limit int) (found []store.SeriesID, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	isLimited := limit > 0 && limit <= a.cfg.MaxSeries
	if !isLimited {
		limit = a.cfg.MaxSeries
	}
	seen := map[store.SeriesID]bool{}
	for _, s := range selectors {
		if s.isEmpty {
			continue
		}
		window.Most = limit
		series, others, err := a.store.SelectFirst(ctx, window, s.matchers...)
		if err != nil {
			return nil, false, err
		}
		more = more || others
		for _, id := range series {
			if !seen[id] {
				seen[id] = true
				found = append(found, id)
			}
		}
		if len(found) > limit {
			break
		}
	}
	if more = more || len(found) > limit; more && !isLimited {
		return nil, false, &store.SelectError{Limit: limit}
	}
	return found[:min(len(found), limit)], more, nil
}

// labelNames answers labels: the names of the labels that the series have.
func (a *API) labelNames(ctx context.Context, p *parameters, out *answer) error {
	var names []string
	for _, name := range labelList() {
		known, _ := storeLabel(name)
		// One value may be the absence of the label. There are at least two if there are more than one.
		values, err := a.valuesOf(ctx, p, known, 1)
		if tooMany, ok := errors.AsType[*store.SelectError](err); ok && tooMany.Limit == 1 {
			err, values = nil, []string{"some"}
		}
		if err != nil {
			return err
		}
		if slices.ContainsFunc(values, func(v string) bool { return v != "" }) || known == store.LabelType && len(values) > 0 {
			names = append(names, name)
		}
	}
	return a.list(ctx, p, out, names)
}

// labelValues answers label/NAME/values: the values that the label has among the series.
func (a *API) labelValues(ctx context.Context, p *parameters, out *answer) error {
	name := p.name
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return badData(fmt.Errorf("%q is no name of a label", clip(name)))
	}
	known, ok := storeLabel(name)
	if !ok {
		if _, err := a.selectors(p); err != nil {
			return err
		}
		return a.list(ctx, p, out, nil)
	}
	values, err := a.valuesOf(ctx, p, known, a.cfg.MaxSeries)
	if err != nil {
		return err
	}
	if known == store.LabelType {
		for i, v := range values {
			if v == "" {
				values[i] = typeNode
			}
		}
		slices.Sort(values)
	} else {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	}
	return a.list(ctx, p, out, values)
}

// valuesOf returns the values that a label has among the series that any selector of the request finds,
// without selectors among all. The empty one is among them if the label is absent somewhere.
func (a *API) valuesOf(ctx context.Context, p *parameters, label store.Label, limit int) ([]string, error) {
	selectors, err := a.selectors(p)
	if err != nil {
		return nil, err
	}
	if len(selectors) == 0 {
		selectors = []selection{{}}
	}
	bounds, err := p.window()
	if err != nil {
		return nil, err
	}
	bounds.Most = limit
	limited, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	all := map[string]bool{}
	for _, s := range selectors {
		if s.isEmpty {
			continue
		}
		values, err := a.store.LabelValuesIn(limited, bounds, label, s.matchers...)
		if err != nil {
			return nil, namesError(ctx, err)
		}
		for _, v := range values {
			all[v] = true
		}
		if len(all) > limit {
			return nil, NewError(http.StatusUnprocessableEntity, &store.SelectError{Label: label, Limit: limit})
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// namesError is evaluationError, but the error of a limit stays as it is.
func namesError(ctx context.Context, err error) error {
	if tooMany, ok := errors.AsType[*store.SelectError](err); ok {
		return NewError(http.StatusUnprocessableEntity, tooMany)
	}
	return evaluationError(ctx, err)
}

// list answers with a list of names.
func (a *API) list(ctx context.Context, p *parameters, out *answer, names []string) error {
	limit, err := p.limit("limit")
	if err != nil {
		return err
	}
	if _, err := p.window(); err != nil {
		return err
	}
	n := notes{}
	if limit > 0 && len(names) > limit {
		names, n.warnings = names[:limit], []string{truncatedNote}
	}
	out.begin()
	out.buf = append(out.buf, '[')
	for i, name := range names {
		if i > 0 {
			out.buf = append(out.buf, ',')
		}
		out.string(name)
		if !out.spill(ctx) {
			return nil
		}
	}
	out.buf = append(out.buf, ']')
	out.end(n)
	return nil
}
