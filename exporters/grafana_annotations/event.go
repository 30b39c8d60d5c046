// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package grafanaannotations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"

	"github.com/otelcol-sre/otelcol-sre/catalog/condition"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// rule is an Event, compiled.
type rule struct {
	condition *ottl.Condition[*ottllog.TransformContext]
	text      *ottl.ValueExpression[*ottllog.TransformContext] // nil: the body
	tags      []string
}

var parser = sync.OnceValues(func() (ottl.Parser[*ottllog.TransformContext], error) {
	return ottllog.NewParser(ottlfuncs.StandardConverters[*ottllog.TransformContext](), component.TelemetrySettings{Logger: zap.NewNop()})
})

func compileRules(events []Event) ([]rule, error) {
	var errs []error
	rules := make([]rule, len(events))
	for i, event := range events {
		key := fmt.Sprintf("events[%d]", i)
		var err error
		if len(event.Condition) > maxExpression || len(event.Text) > maxExpression {
			errs = append(errs, fmt.Errorf("%s: condition or text is longer than %d bytes; shorten it", key, maxExpression))
			continue
		}
		if rules[i].condition, err = condition.Log(event.Condition); err != nil {
			errs = append(errs, fmt.Errorf("%s.condition: %.300q; write an OTTL condition over log records", key, err.Error()))
		}
		if event.Text != "" {
			if rules[i].text, err = compileValue(event.Text); err != nil {
				errs = append(errs, fmt.Errorf("%s.text: %.300q; write an OTTL value, such as attributes[\"summary\"]", key, err.Error()))
			}
		}
		errs = append(errs, validateTags(key+".tags", event.Tags))
		if rules[i].tags = event.Tags; len(event.Tags) == 0 {
			rules[i].tags = []string{"event"}
		}
	}
	return rules, errors.Join(errs...)
}

func compileValue(expression string) (*ottl.ValueExpression[*ottllog.TransformContext], error) {
	p, err := parser()
	if err != nil {
		return nil, err
	}
	return p.ParseValueExpression(expression)
}

// readEvent is the annotation of a record that is no deployment's, by the first rule whose condition holds; nil
// if there is none. A condition that fails does not hold: it is written for some records, and runs on all.
func readEvent(ctx context.Context, rules []rule, config *Config, rl plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) (*annotation, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	t := ottllog.NewTransformContextPtr(rl, sl, record)
	defer t.Close()
	for i := range rules {
		holds, err := rules[i].condition.Eval(ctx, t)
		if err != nil || !holds {
			continue
		}
		text, err := rules[i].say(ctx, t, record)
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
		return ofEvent(text, rules[i].tags, config, rl.Resource().Attributes(), record)
	}
	return nil, nil
}

func (r *rule) say(ctx context.Context, t *ottllog.TransformContext, record plog.LogRecord) (string, error) {
	if r.text == nil {
		if body := record.Body().AsString(); body != "" {
			return body, nil
		}
		if record.EventName() == "" {
			return "", errors.New("the record has no body and no event name; give one, or set text")
		}
		return record.EventName(), nil
	}
	value, err := r.text.Eval(ctx, t)
	if err != nil {
		return "", fmt.Errorf("text: %.200q; guard it in the condition", err.Error())
	}
	switch v := value.(type) {
	case string:
		if v != "" {
			return v, nil
		}
	case int64:
		return strconv.FormatInt(v, 10), nil
	case pcommon.Value:
		if s := v.AsString(); s != "" {
			return s, nil
		}
	}
	return "", fmt.Errorf("text is %T and empty or no text; guard it in the condition, or use String(...)", value)
}

// ofEvent says what the record says. Its ID is made from all that tells two events apart.
func ofEvent(text string, tags []string, config *Config, resource pcommon.Map, record plog.LogRecord) (*annotation, error) {
	stamp := record.Timestamp()
	if stamp == 0 {
		stamp = record.ObservedTimestamp()
	}
	at := stamp.AsTime()
	if !plausible(at) {
		return nil, errors.New("timestamp is missing or in another century; set the present time")
	}
	get := func(key string) string {
		if v, ok := record.Attributes().Get(key); ok {
			return v.AsString()
		}
		if v, ok := resource.Get(key); ok {
			return v.AsString()
		}
		return ""
	}
	service, environment := get(semconv.ServiceName), get(semconv.Environment)
	shown := escape(text, maxText)
	if shown == "" {
		return nil, errors.New("the text has nothing to be printed")
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %q %q %q", at.UnixNano(), record.EventName(), service, environment, text))
	return &annotation{
		Time:    at.UnixMilli(),
		TimeEnd: at.UnixMilli(),
		Tags: fit([]string{keyEventID + ":" + hex.EncodeToString(sum[:16])}, tags,
			[]string{pairTag(keyService, service), pairTag(keyEnvironment, environment)}, config.Tags),
		Text: shown,
	}, nil
}
