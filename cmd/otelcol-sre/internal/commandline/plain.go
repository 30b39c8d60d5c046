// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/otelcol"
	"go.uber.org/multierr"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/catalog/nearest"
	"github.com/otelcol-sre/otelcol-sre/deploy/configs"
)

// An explainer makes a sentence of an error. The errors of the Collector are chains of what it did when something failed; the reader
// wants to know what to change.
type explainer struct {
	set       otelcol.CollectorSettings
	locations []string
	variable  func(name string) string
}

// explain is the sentence, or one for each mistake of a config. It reports whether that is all there is to know.
func (e explainer) explain(err error) (text string, known bool) {
	if errs := multierr.Errors(err); len(errs) > 0 {
		err = errs[0] // the others are of parts that were stopped before they had started
	}
	text, part := unchain(err.Error())
	for _, explain := range []func(string) string{e.flags, e.address, e.state, e.file} {
		if sentence := explain(text); sentence != "" {
			return sentence, true
		}
	}
	switch {
	case strings.HasPrefix(text, "empty configuration file"):
		return "the config is empty; begin with --config builtin:standalone", true
	case strings.Contains(text, decoding) || strings.HasPrefix(text, "'"):
		return e.origin(e.decoded(text)), true
	case part != "":
		text = part + ": " + text
	}
	return e.origin(text), false
}

var (
	step = regexp.MustCompile(`^(failed to get config|cannot resolve the configuration|cannot retrieve the configuration|cannot unmarshal the configuration|` +
		`invalid configuration|failed to start extensions|cannot start pipelines|failed to build (?:extensions|pipelines)|failed to setup configuration components|` +
		`failed to create (?:meter|tracer) provider|failed to create logger|failed to create config provider|binding address \S+ for Prometheus exporter): `)
	failedPart = regexp.MustCompile(`^failed to (?:start|create|build) (?:(extension|receiver) )?"([^"]+)"(?: (receiver|processor|exporter|connector))?(?: for [a-z ]+"[a-z_ ]+")?: `)
)

// unchain cuts what the Collector did from the front of an error; part is the component that failed.
func unchain(text string) (rest, part string) {
	for {
		if match := step.FindString(text); match != "" {
			text = text[len(match):]
		} else if match := failedPart.FindStringSubmatch(text); match != nil {
			text, part = text[len(match[0]):], strings.TrimSpace(match[1]+match[3]+" "+match[2])
		} else {
			return text, part
		}
	}
}

// flags are mistakes of the command line.
func (e explainer) flags(text string) string {
	unknown := regexp.MustCompile(`^unknown (?:shorthand )?flag: (?:'.' in )?(\S+)`).FindStringSubmatch(text)
	word := regexp.MustCompile(`^unknown command "([^"]*)"`).FindStringSubmatch(text)
	scheme := regexp.MustCompile(`^unsupported scheme on URI "([^"]*)"`).FindStringSubmatch(text)
	gate := regexp.MustCompile(`no such feature gate "([^"]*)"\. valid gates: \[(.*)\]`).FindStringSubmatch(text)
	switch {
	case text == "at least one config flag must be provided":
		return "no config is given; name one, such as --config builtin:standalone (or builtin:agent, builtin:gateway, or a file)"
	case strings.HasPrefix(text, "flag needs an argument"):
		return text + "; write it as --config builtin:standalone"
	case unknown != nil:
		if near := nearest.Word(strings.TrimLeft(unknown[1], "-"), []string{"config", "set", "feature-gates", "version", "help", "mode", "format"}); near != "" {
			return fmt.Sprintf("there is no flag %s; did you mean --%s?", unknown[1], near)
		}
		return fmt.Sprintf("there is no flag %s; --help lists those that exist", unknown[1])
	case word != nil:
		if near := nearest.Word(word[1], []string{"components", "validate", "print-config", "featuregate", "help"}); near != "" {
			return fmt.Sprintf("there is no command %q; did you mean %s?", word[1], near)
		}
		if strings.Contains(word[1], "=") {
			return fmt.Sprintf("%q is no command; write variables before the program: %s otelcol-sre --config …", word[1], word[1])
		}
		return fmt.Sprintf("there is no command %q; a config is given with --config, and --help lists the commands", word[1])
	case gate != nil:
		if near := nearest.Word(gate[1], strings.Fields(gate[2])); near != "" {
			return fmt.Sprintf("there is no feature gate %q; did you mean %s?", gate[1], near)
		}
		return fmt.Sprintf("there is no feature gate %q; `otelcol-sre featuregate` lists those that exist", gate[1])
	case scheme != nil:
		name, _, _ := strings.Cut(scheme[1], ":")
		schemes := []string{"builtin", "file", "env", "yaml", "http"}
		if near := nearest.Word(name, schemes); near != "" {
			return fmt.Sprintf("--config %s: there is no kind of location %q; did you mean %s:?", scheme[1], name, near)
		}
		return fmt.Sprintf("--config %s: there is no kind of location %q; there are %s", scheme[1], name, strings.Join(schemes, ", "))
	}
	return ""
}

var (
	listening = regexp.MustCompile(`listen (?:tcp|udp|unix)\d? (\S+): (?:bind: )?(address already in use|permission denied|cannot assign requested address)`)
	noAddress = regexp.MustCompile(`listen (?:tcp|udp)\d?: (?:address (\S*): (missing port in address|invalid port|unknown port|too many colons in address)|lookup (?:tcp/|udp/)?(\S+?)(?: on \S+)?: (no such host|unknown port|.*))`)
)

// address are mistakes of the addresses at which servers listen.
func (e explainer) address(text string) string {
	if match := listening.FindStringSubmatch(text); match != nil {
		_, port, _ := net.SplitHostPort(match[1])
		set := e.fix("its address in the config", match[1], port)
		switch match[2] {
		case "address already in use":
			return fmt.Sprintf("%s is in use by another process; stop that, or set %s", match[1], set)
		case "permission denied":
			return fmt.Sprintf("this user may not listen on %s: ports below 1024 need a right (CAP_NET_BIND_SERVICE); set %s to a higher port", match[1], set)
		default:
			host, _, _ := net.SplitHostPort(match[1])
			return fmt.Sprintf("this machine has no address %s; set %s to one that it has, such as localhost or 0.0.0.0", match[1], e.fix("its address in the config", match[1], host, port))
		}
	}
	match := noAddress.FindStringSubmatch(text)
	switch {
	case match == nil:
		return ""
	case match[4] == "unknown port":
		return fmt.Sprintf("%q is no port; write a number, as in localhost:4317, in %s", match[3], e.fix("the config", match[3]))
	case match[3] != "":
		return fmt.Sprintf("there is no host %q to listen on; set %s to an address of this machine, such as localhost:4317", match[3], e.fixHost(match[3]))
	default:
		return fmt.Sprintf("%q is no address to listen on (%s); write host:port, such as localhost:4317, in %s", match[1], match[2], e.fix("the config", match[1]))
	}
}

// fix is the variable that has one of the values, or else what there is to change.
func (e explainer) fix(otherwise string, values ...string) string {
	for _, value := range values {
		if name := configs.VariableOf(value, e.variable); value != "" && name != "" {
			return name
		}
	}
	return otherwise
}

func (e explainer) fixHost(host string) string {
	for _, name := range slices.Sorted(maps.Keys(configs.Variables())) {
		if strings.HasPrefix(e.variable(name), host+":") {
			return name
		}
	}
	return "its address in the config"
}

// state are mistakes of the state folder.
func (e explainer) state(text string) string {
	if !strings.Contains(text, "is in use: timeout") {
		return ""
	}
	return fmt.Sprintf("the state folder %s is in use by another collector; stop that, or give this one a folder of its own: set OTELCOL_SRE_STORAGE "+
		"(if no other runs, a component is in two pipelines under one name: call it NAME/other in one of them)", e.storage())
}

func (e explainer) storage() string {
	if folder := e.variable("OTELCOL_SRE_STORAGE"); folder != "" {
		return folder
	}
	return configs.Variables()["OTELCOL_SRE_STORAGE"].Default
}

var (
	configFile = regexp.MustCompile(`^unable to read the file (?:file:)?(.*?): \S+ .*?: ([a-z ]+)$`)
	path       = regexp.MustCompile(`\b(open|mkdir|stat|lstat|rename|unlinkat|flock|readdirent|fdatasync|write|truncate) (/[^:]*|[^:/ ]+[^:]*): (permission denied|operation not permitted|read-only file system|no space left on device|not a directory|no such file or directory|file exists|too many open files)`)
)

// file are mistakes of files and folders.
func (e explainer) file(text string) string {
	if match := configFile.FindStringSubmatch(text); match != nil {
		if name := match[1]; configs.Roles[name] != nil || slices.Contains(configs.Fragments(), name) {
			return fmt.Sprintf("--config %s: there is no such file; the built-in config is --config builtin:%s", name, name)
		}
		return fmt.Sprintf("--config %s: %s", match[1], match[2])
	}
	if notYAML.MatchString(text) {
		return e.yaml()
	}
	match := path.FindStringSubmatch(text)
	if match == nil {
		return ""
	}
	set := "its folder in the config"
	if strings.HasPrefix(match[2], e.storage()) {
		set = "OTELCOL_SRE_STORAGE"
	} else if name := configs.VariableOf(match[2], e.variable); name != "" {
		set = name
	}
	switch match[3] {
	case "permission denied", "operation not permitted":
		return fmt.Sprintf("this user (%d) may not %s %s; give it the right, or set %s to another", os.Getuid(), verbs[match[1]], match[2], set)
	case "no space left on device":
		return fmt.Sprintf("the disk of %s is full; free some space, or set %s to another", match[2], set)
	case "too many open files":
		return match[2] + ": too many open files; raise the limit (ulimit -n, LimitNOFILE)"
	}
	return fmt.Sprintf("cannot %s %s: %s; set %s to another", verbs[match[1]], match[2], match[3], set)
}

var notYAML = regexp.MustCompile(`^(retrieved value \(type=\w+\) cannot be used as a Conf|(.*[ \n])?yaml: .*)`)

// yaml finds the config that is no YAML, which the Collector's error does not name.
func (e explainer) yaml() string {
	for _, location := range e.locations {
		name, inline := strings.CutPrefix(location, "yaml:")
		text := []byte(name)
		if !inline {
			name = strings.TrimPrefix(location, "file:")
			var err error
			if text, err = os.ReadFile(name); err != nil {
				continue
			}
		}
		var config map[string]any
		if err := yaml.Unmarshal(text, &config); err != nil {
			why := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " ")
			switch {
			case strings.Contains(why, "cannot start any token") && bytes.Contains(text, []byte("\t")):
				why = tab(text)
			case strings.Contains(why, "cannot unmarshal"):
				why = "it has to begin with keys, such as `receivers:` and `service:`"
			}
			return fmt.Sprintf("--config %.100s is no config: %s", name, why)
		}
	}
	return "a config is no YAML, or has no keys"
}

func tab(text []byte) string {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
			return fmt.Sprintf("line %d is indented by a tab; YAML takes spaces only", i+1)
		}
	}
	return "a tab is where YAML takes spaces only"
}

// verbs are what a system call is to a person.
var verbs = map[string]string{
	"open": "open", "mkdir": "make the folder", "stat": "look at", "lstat": "look at", "rename": "rename", "unlinkat": "delete", "flock": "lock",
	"readdirent": "read", "fdatasync": "write", "write": "write", "truncate": "write",
}

const decoding = "decoding failed due to the following error(s):"

var (
	ofComponent = regexp.MustCompile(`^'(\w+)' error reading configuration for "([^"]+)":`)
	unknownType = regexp.MustCompile(`^'(\w+)' unknown type: "([^"]*)" for id: "([^"]*)"`)
	unknownKeys = regexp.MustCompile(`^'([^']*)' has invalid keys: (.*)$`)
	ofKey       = regexp.MustCompile(`^'([^']*)' (.*)$`)
	insideKey   = regexp.MustCompile(`^'([^']*)'$`)
	goConfig    = regexp.MustCompile(`^[a-z0-9_]+\.(?:[A-Z]\w*|config\w*)(?:\.|$)`)
	ofPipeline  = regexp.MustCompile(`in "([^"]*)" id: unknown pipeline signal: "([^"]*)"`)
)

// decoded is a line for each key of a config that cannot be read.
func (e explainer) decoded(text string) string {
	var factories otelcol.Factories
	if e.set.Factories != nil {
		factories, _ = e.set.Factories() // without them there are no proposals
	}
	var lines []string
	section, id := "", ""
	var within []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(strings.ReplaceAll(line, decoding, ""))
		if match := ofComponent.FindStringSubmatch(line); match != nil {
			section, id, within = match[1], match[2], nil
			line = strings.TrimSpace(line[len(match[0]):])
		}
		if line == "" {
			continue
		}
		where := ""
		if id != "" {
			where = section + "::" + id
		}
		if match := insideKey.FindStringSubmatch(line); match != nil {
			within = keyPath(match[1])
			if len(within) > 0 && slices.Contains(sections, within[0]) {
				section, id = "", ""
			}
		} else if match := ofPipeline.FindStringSubmatch(line); match != nil {
			fix := "a pipeline is of traces, logs or metrics, as in traces/mine"
			if near := nearest.Word(match[2], []string{"traces", "logs", "metrics"}); near != "" {
				fix = fmt.Sprintf("did you mean %s?", near)
			}
			lines = append(lines, fmt.Sprintf("service::pipelines::%s: there is no signal %q; %s", match[1], match[2], fix))
		} else if match := unknownType.FindStringSubmatch(line); match != nil {
			section, id, within = "", "", nil
			kind := strings.TrimSuffix(match[1], "s")
			fix := "`otelcol-sre components` lists those that exist"
			if near := nearest.Word(match[2], types(factories, match[1])); near != "" {
				fix = fmt.Sprintf("did you mean %s?", near)
			}
			lines = append(lines, fmt.Sprintf("%s::%s: there is no %s %q; %s", match[1], match[3], kind, match[2], fix))
		} else if match := unknownKeys.FindStringSubmatch(line); match != nil {
			inside := slices.Concat(within, keyPath(match[1]))
			known := sections
			switch {
			case id != "":
				known = keysAt(factories, section, id, inside)
			case len(inside) > 0:
				known = serviceKeys[strings.Join(inside[:min(len(inside), 2)], "::")]
			}
			for key := range strings.SplitSeq(match[2], ", ") {
				fix := "delete it, or correct its name"
				if near := nearest.Word(key, known); near != "" {
					fix = fmt.Sprintf("did you mean %s?", near)
				}
				lines = append(lines, fmt.Sprintf("%sthere is no key %s; %s", at(where, inside), key, fix))
			}
		} else if match := ofKey.FindStringSubmatch(line); match != nil {
			lines = append(lines, at(where, slices.Concat(within, keyPath(match[1])))+plainValue(match[2]))
		} else {
			lines = append(lines, at(where, within)+plainValue(line))
		}
	}
	return strings.Join(lines, "\n")
}

// plainValue says what a value should be.
func plainValue(text string) string {
	switch {
	case strings.HasPrefix(text, "time: "):
		return "is no duration; write a number with its unit, such as 5s or 1m"
	case strings.Contains(text, "expected type 'int"), strings.Contains(text, "expected type 'uint"), strings.Contains(text, "expected type 'float"):
		return "is no number"
	case strings.Contains(text, "expected type 'bool'"):
		return "is neither true nor false"
	case strings.Contains(text, "expected type 'string'"):
		return "is no text; write it in quotes"
	case strings.Contains(text, "must be an array or slice"):
		return "is no list; write it as [a, b]"
	case strings.Contains(text, "expected a map"):
		return "has to have keys below it"
	}
	return text
}

// serviceKeys are the keys of service and below it. The names of pipelines are between them.
var serviceKeys = map[string][]string{
	"service":            {"extensions", "pipelines", "telemetry"},
	"service::pipelines": {"receivers", "processors", "exporters"},
	"service::telemetry": {"logs", "metrics", "traces", "resource"},
}

var inBrackets = regexp.MustCompile(`\[(\D[^\]]*)\]`)

// keyPath are the keys of a path as the decoder writes it, which may begin with the name of a Go type.
func keyPath(text string) []string {
	text = inBrackets.ReplaceAllString(goConfig.ReplaceAllString(text, ""), ".$1")
	if text == "" {
		return nil
	}
	return strings.Split(text, ".")
}

var keyOf = regexp.MustCompile(`^([\w/.-]+(?:::[\w/.\[\]-]+)+)(?:: ([\w.\[\]]+(?:::\w+)*))?: `)

// origin names the variables whose values are wrong. Several keys may have one value: the first says what is wrong with it.
func (e explainer) origin(text string) string {
	if len(e.locations) == 0 {
		return text
	}
	settings := e.set.ConfigProviderSettings.ResolverSettings
	settings.URIs, settings.DefaultScheme = e.locations, "env"
	source, err := merge(context.Background(), settings)
	if err != nil {
		return text
	}
	var lines []string
	told := map[string]bool{}
	for line := range strings.SplitSeq(text, "\n") {
		name := ""
		if match := keyOf.FindStringSubmatch(line); match != nil {
			if reference, ok := valueAt(source, append(strings.Split(match[1], "::"), strings.Split(strings.ReplaceAll(match[2], "::", "."), ".")...)).(string); ok {
				if name = variableIn(reference); e.variable(name) == "" {
					name = ""
				}
			}
		}
		if folder := strings.TrimSpace(anyPath.FindString(line)); name == "" && folder != "" {
			name = configs.VariableOf(folder, e.variable)
		}
		if name != "" && told[name] {
			continue
		}
		if name != "" {
			told[name] = true
			line += fmt.Sprintf(" (the value is that of %s)", name)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

var (
	anyReference = regexp.MustCompile(`\$\{env:(\w+)`)
	anyPath      = regexp.MustCompile(`(?:^| )/[^ :"]+`)
	index        = regexp.MustCompile(`\[(\d+)\]`)
)

func variableIn(text string) string {
	if match := anyReference.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// valueAt is what a config has at a path, in which list[0] is the first of a list.
func valueAt(value any, path []string) any {
	for step := range strings.SplitSeq(index.ReplaceAllString(strings.Join(path, "\n"), "\n$1"), "\n") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			if n, err := strconv.Atoi(step); err == nil && n < len(at) {
				value = at[n]
			}
		}
	}
	return value
}

func at(where string, path []string) string {
	for _, key := range path {
		if where != "" {
			where += "::"
		}
		where += key
	}
	if where == "" {
		return ""
	}
	return where + ": "
}
