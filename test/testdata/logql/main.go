// Command logql runs queries over log records with Loki's own parser and pipeline: as many as stand in a JSON list
// on standard input, over a file that a collector's file exporter wrote. It prints for each what is wrong with it, or
// which records it finds, by their number in the file. Tests build it with Loki's go.mod; nothing that is released
// contains it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/grafana/loki/v3/pkg/logql/syntax"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

type answer struct {
	Error string `json:"error,omitempty"`
	Found []int  `json:"found"`
}

func main() {
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, in io.Reader, out io.Writer) error {
	var queries []string
	if err := json.NewDecoder(in).Decode(&queries); err != nil {
		return err
	}
	records, err := read(file)
	if err != nil {
		return err
	}
	answers := make([]answer, len(queries))
	for i, query := range queries {
		answers[i] = ask(query, records)
	}
	return json.NewEncoder(out).Encode(answers)
}

func ask(query string, records []record) answer {
	selector, err := syntax.ParseLogSelector(query, true)
	if err != nil {
		return answer{Error: err.Error()}
	}
	pipeline, err := selector.Pipeline()
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := []int{}
	for i, r := range records {
		selected := !slices.ContainsFunc(selector.Matchers(), func(m *labels.Matcher) bool { return !m.Matches(r.stream.Get(m.Name)) })
		if !selected {
			continue
		}
		if _, _, ok := pipeline.ForStream(r.stream).ProcessString(r.time, r.line, r.metadata); ok {
			found = append(found, i)
		}
	}
	return answer{Found: found}
}

// A record is one of OTLP as Loki's OTLP endpoint keeps it by default: some attributes of the resource
// are labels of the stream, all else is structured metadata.
type record struct {
	time             int64
	line             string
	stream, metadata labels.Labels
}

// indexed are those of distributor.otlp.default_resource_attributes_as_index_labels that services may have.
var indexed = []string{"service.name", "service.namespace", "service.instance.id", "deployment.environment", "deployment.environment.name", "k8s.namespace.name", "k8s.pod.name"}

func read(name string) (records []record, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		if err != nil {
			return nil, err
		}
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					records = append(records, keep(rl.Resource(), r))
				}
			}
		}
	}
}

func keep(resource pcommon.Resource, r plog.LogRecord) record {
	stream, metadata := map[string]string{}, map[string]string{}
	for key, value := range resource.Attributes().All() {
		if slices.Contains(indexed, key) {
			stream[label(key)] = value.AsString()
		} else {
			metadata[label(key)] = value.AsString()
		}
	}
	for key, value := range r.Attributes().All() {
		metadata[label(key)] = value.AsString()
	}
	if n := r.SeverityNumber(); n != plog.SeverityNumberUnspecified {
		metadata["severity_number"] = fmt.Sprint(int32(n))
	}
	return record{int64(r.Timestamp()), r.Body().AsString(), labels.FromMap(stream), labels.FromMap(metadata)}
}

// label is what Loki calls an attribute; "" is no name and nothing asks for it.
func label(attribute string) string {
	namer := otlptranslator.LabelNamer{}
	name, err := namer.Build(attribute)
	if err != nil {
		return ""
	}
	return name
}
