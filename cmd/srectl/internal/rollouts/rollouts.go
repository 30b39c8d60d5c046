// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package rollouts writes what makes a rollout tool ask for the verdict of a release: objects of Argo Rollouts, Flagger and Argo CD, jobs of CI systems, a
// hook of AWS CodeDeploy, and a script. Names of the catalog are escaped for each tool that reads a file: shells, PromQL, templates, expressions.
package rollouts

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment/verdict"
)

// Folder has a folder for each service.
const Folder = "rollouts"

// Options are what the files name besides the service.
type Options struct {
	// Gate is the base URL of the collector's status page, and Prometheus that of the server with its metrics and rules, as rollout tools reach them.
	Gate, Prometheus string
	// Image has srectl.
	Image string
	// Secret has the key "authorization", a header for Argo Rollouts; "" is none.
	Secret string
	// Port is that of the service, for Flagger.
	Port int
}

// A File is one of a service's.
type File struct {
	Name string
	Text []byte
}

// weights are the shares of the traffic that the new version gets, in percent.
var weights = []int{1, 5, 25, 100}

const (
	// soak is how long a step lasts at least: what fails only under more traffic fails the watch meanwhile.
	soak = "5m"
	// patience is how long verify waits.
	patience = "15m"
	deadline = 16 * 60 // seconds, of the Job
	// every is how often a tool asks, and times how many times in a step.
	every = "30s"
	times = 40
)

// Generate makes the files of a service: of one without a workload in Kubernetes, those that are for other places; of one without an SLO that the collector
// counts, none.
func Generate(s *catalog.Service, o Options) ([]File, error) {
	r := &release{service: s, workload: s.Deployment.Kubernetes, Options: o, name: objectName(s.Slug())}
	for _, slo := range s.SLOs {
		if slo.SLI.Prometheus == nil {
			r.slos = append(r.slos, slo)
		}
	}
	if len(r.slos) == 0 {
		return nil, nil
	}
	var files []File
	write := func(name, comment string, documents ...any) error {
		var b bytes.Buffer
		b.WriteString(alerts.Header)
		for line := range strings.SplitSeq(strings.TrimSpace(comment), "\n") {
			b.WriteString(strings.TrimRight("# "+strings.TrimSpace(line), " ") + "\n")
		}
		encoder := yaml.NewEncoder(&b)
		encoder.SetIndent(2)
		for _, document := range documents {
			if err := encoder.Encode(document); err != nil {
				return err
			}
		}
		files = append(files, File{name, b.Bytes()})
		return encoder.Close()
	}
	if r.workload != nil {
		if err := r.inKubernetes(write); err != nil {
			return nil, err
		}
	}
	err := errors.Join(write("github-action.yaml", githubComment, r.github()), write("gitlab-ci.yaml", gitlabComment, r.gitlab()),
		write("codedeploy-appspec.yaml", appspecComment, r.hooksOfInstances(), r.hooksOfFunctions()))
	files = append(files, File{"codedeploy-hook.sh", []byte(alerts.Header + r.codeDeploy())},
		File{"verify.sh", []byte(alerts.Header + scriptComment + "set -eu\nexec " + r.verify(`"${1:?the new version}"`, patience) + "\n")})
	return files, err
}

// An object is one of YAML.
type object = map[string]any

// A release is what is known of a service's.
type release struct {
	service  *catalog.Service
	workload *catalog.KubernetesWorkload // nil elsewhere
	slos     []*catalog.SLO              // that the collector counts
	name     string                      // of objects
	Options
}

// inKubernetes writes the objects.
func (r *release) inKubernetes(write func(name, comment string, documents ...any) error) error {
	err := write("argo-rollouts.yaml", r.rolloutComment(), r.gateTemplate(), r.watchTemplate(), r.prometheusTemplate(), r.rollout())
	if kind := strings.ToLower(r.workload.Kind); kind == "deployment" || kind == "daemonset" {
		err = errors.Join(err, write("flagger.yaml", flaggerComment, r.metricTemplate(), r.canary()))
	}
	return errors.Join(err, write("job.yaml", jobComment, r.job(nil)),
		write("argocd-hook.yaml", hookComment, r.job(object{"argocd.argoproj.io/hook": "PostSync", "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"})))
}

// objectName is a name in Kubernetes: at most 40 characters, so that there is room for a suffix.
func objectName(slug string) string {
	const longest = 40
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(slug))
	plain := strings.Trim(name, "-")
	if plain == slug && plain != "" && len(plain) <= longest {
		return plain
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(slug)) // never fails
	return strings.Trim("s-"+strings.Trim(plain[:min(len(plain), longest-11)], "-"), "-") + fmt.Sprintf("-%08x", h.Sum32())
}

func (r *release) metadata(suffix string, annotations object) object {
	m := object{"name": r.name + suffix}
	if r.workload.Namespace != "" {
		m["namespace"] = r.workload.Namespace
	}
	if annotations != nil {
		m["annotations"] = annotations
	}
	return m
}

// reference is the service as flags and paths name it.
func (r *release) reference() string {
	return strings.TrimPrefix(r.service.Namespace+"/"+r.service.Name, "/")
}

// gateURL is the gate's address with a question, whose last parameter may be a template.
func (r *release) gateURL(parameters ...string) string {
	path := url.PathEscape(r.service.Name)
	if r.service.Namespace != "" {
		path = url.PathEscape(r.service.Namespace) + "/" + path
	}
	address := r.Gate + "/gate/" + path
	if len(parameters) > 0 {
		address += "?" + strings.Join(parameters, "&")
	}
	return address
}

// version is filled in by Argo Rollouts: a value of a label, which has no character with a meaning in a URL, or in PromQL.
const version = "{{args.version}}"

func (r *release) args() []any {
	args := []any{object{"name": "version"}}
	if r.Secret != "" {
		args = append(args, object{"name": "authorization", "valueFrom": object{"secretKeyRef": object{"name": r.Secret, "key": "authorization"}}})
	}
	return args
}

func (r *release) web(parameters ...string) object {
	headers := []any{object{"key": "Accept", "value": "application/json"}}
	if r.Secret != "" {
		headers = append(headers, object{"key": "Authorization", "value": "{{args.authorization}}"})
	}
	return object{"web": object{"url": r.gateURL(parameters...), "timeoutSeconds": 20, "headers": headers, "jsonPath": "{$.data.verdict}"}}
}

func template(metadata object, args []any, metrics ...any) object {
	return object{"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": metadata, "spec": object{"args": args, "metrics": metrics}}
}

// gateTemplate asks until the verdict is certain.
func (r *release) gateTemplate() object {
	return template(r.metadata("-gate", nil), r.args(), object{
		"name": "gate", "interval": every, "count": times, "failureLimit": 0, "inconclusiveLimit": times, "consecutiveSuccessLimit": 1, "consecutiveErrorLimit": 10,
		"successCondition": `result == "pass"`, "failureCondition": `result == "fail"`, "provider": r.web("version=" + version),
	})
}

// watchTemplate fails as soon as the release as a whole does.
func (r *release) watchTemplate() object {
	return template(r.metadata("-watch", nil), r.args(), object{
		"name": "watch", "interval": every, "failureLimit": 0, "consecutiveErrorLimit": 10,
		"successCondition": `result != "fail"`, "failureCondition": `result == "fail"`, "provider": r.web("version=" + version),
	})
}

// quoted is a value in PromQL within a template.
func quoted(value string) string { return strings.ReplaceAll(strconv.Quote(value), "{", `\x7b`) }

// worse is the evidence that the rules record that a version is worse, per SLO.
func (r *release) worse(more string) string {
	return fmt.Sprintf("(sum(slo:version_worse:evalue{service_name=%s,service_namespace=%s%s}) or vector(0)) / %d", quoted(r.service.Name), quoted(r.service.Namespace), more, len(r.slos))
}

// odds are those above which a version is worse.
const odds = 1 / verdict.Alpha

// prometheusTemplate needs no status page: it reads the evidence of the generated rules.
func (r *release) prometheusTemplate() object {
	limit := strconv.FormatFloat(odds, 'f', -1, 64)
	return template(r.metadata("-prometheus", nil), []any{object{"name": "version"}}, object{
		"name": "worse", "interval": every, "failureLimit": 0, "consecutiveErrorLimit": 10,
		"successCondition": "result[0] <= " + limit, "failureCondition": "result[0] > " + limit,
		"provider": object{"prometheus": object{"address": r.Prometheus, "query": r.worse(`,service_version="` + version + `"`)}},
	})
}

func (r *release) rolloutComment() string {
	text := `Argo Rollouts: each step of traffic lasts at least ` + soak + `, and goes on when the gate passes the release. If the gate stays inconclusive, the rollout pauses, for
a person to decide. At any time, the rollout is aborted when the gate fails the release.
The version is the label app.kubernetes.io/version of the pods; it has to be the service.version of the telemetry.
The template -prometheus takes the place of -watch where no status page can be reached; it needs the generated rules.
Set spec.replicas of the Rollout, and trafficRouting: without it, a share of 1 % needs 100 pods.`
	if strings.EqualFold(r.workload.Kind, "Rollout") {
		text += "\nThe Rollout is a patch of yours."
	}
	return text
}

func (r *release) rollout() object {
	var steps []any
	args := []any{object{"name": "version", "valueFrom": object{"fieldRef": object{"fieldPath": "metadata.labels['app.kubernetes.io/version']"}}}}
	for _, weight := range weights {
		steps = append(steps, object{"setWeight": weight}, object{"pause": object{"duration": soak}}, object{"analysis": object{
			"templates": []any{object{"templateName": r.name + "-gate"}}, "args": args,
		}})
	}
	spec := object{"strategy": object{"canary": object{
		"steps": steps, "analysis": object{"startingStep": 1, "templates": []any{object{"templateName": r.name + "-watch"}}, "args": args},
	}}}
	metadata := r.metadata("", nil)
	metadata["name"] = r.workload.Name
	if !strings.EqualFold(r.workload.Kind, "Rollout") {
		spec["workloadRef"] = object{"apiVersion": "apps/v1", "kind": r.workload.Kind, "name": r.workload.Name}
	}
	return object{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": spec}
}

const flaggerComment = `Flagger: a step of traffic begins when the gate passes the one before, and the canary is rolled back when it fails.
Flagger does not say which version it is about, so the gate takes the newest, which is right while there is one canary at a time. Its webhooks
send no credentials: let Flagger reach the status page without them, such as by a proxy.
The metric needs the generated rules. Set the mesh or ingress (spec.provider) as for your other canaries.`

func (r *release) metricTemplate() object {
	return object{
		"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate", "metadata": r.metadata("-worse", nil),
		"spec": object{"provider": object{"type": "prometheus", "address": r.Prometheus}, "query": r.worse("")},
	}
}

func (r *release) canary() object {
	metric := object{"name": r.name + "-worse"}
	if r.workload.Namespace != "" {
		metric["namespace"] = r.workload.Namespace
	}
	hook := func(name, kind, want string) object {
		return object{"name": name, "type": kind, "url": r.gateURL("want=" + want), "timeout": "20s"}
	}
	metadata := r.metadata("", nil)
	metadata["name"] = r.workload.Name
	steps := make([]any, len(weights))
	for i, weight := range weights {
		steps[i] = weight
	}
	return object{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": metadata, "spec": object{
		"targetRef": object{"apiVersion": "apps/v1", "kind": r.workload.Kind, "name": r.workload.Name},
		"service":   object{"port": r.Port},
		"analysis": object{
			"interval": "1m", "threshold": 3, "stepWeights": steps,
			"metrics":  []any{object{"name": "worse", "interval": "1m", "templateRef": metric, "thresholdRange": object{"max": odds}}},
			"webhooks": []any{hook("gate", "confirm-traffic-increase", "pass"), hook("failed", "rollback", "fail")},
		},
	}}
}

const jobComment = `A Job that verifies the newest version, or the one that VERSION names. It succeeds if the release passes. Its exit code is 1 if the release fails, and 2 if
there was not enough evidence in time.`

const hookComment = `Argo CD: the sync is degraded unless the release passes. Set VERSION where the version is known, such as by Kustomize or Helm; empty is the newest.`

// expanded is an argument of a container, in which $(NAME) is a variable.
func expanded(text string) string { return strings.ReplaceAll(text, "$(", "$$(") }

func (r *release) job(annotations object) object {
	metadata := r.metadata("-verify", annotations)
	spec := object{
		"backoffLimit": 0, "activeDeadlineSeconds": deadline,
		"template": object{"spec": object{
			"restartPolicy": "Never", "automountServiceAccountToken": false,
			"securityContext": object{"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "seccompProfile": object{"type": "RuntimeDefault"}},
			"containers": []any{object{
				"name": "verify", "image": r.Image, "command": []any{"/srectl"},
				"args":            []any{"verify", expanded("--service=" + r.reference()), "--version=$(VERSION)", "--for=" + patience, "--url=$(GATE)"},
				"env":             []any{object{"name": "VERSION", "value": ""}, object{"name": "GATE", "value": expanded(r.Gate)}},
				"securityContext": object{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": object{"drop": []any{"ALL"}}},
				"resources":       object{"requests": object{"cpu": "10m", "memory": "64Mi"}, "limits": object{"memory": "256Mi"}},
			}},
		}},
	}
	if annotations == nil { // a hook is removed by its tool
		spec["ttlSecondsAfterFinished"] = 24 * 60 * 60
	}
	return object{"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
}

const scriptComment = `# Verifies a release: sh verify.sh VERSION. Exits 0 for pass, 1 for fail, 2 for inconclusive.
# OTELCOL_SRE_GATE is the address of the collector's status page, with a user and password if it wants them.
`

// verify is the command for a POSIX shell.
func (r *release) verify(version, wait string, more ...string) string {
	words := append([]string{"srectl", "verify", "--service", shell(r.reference()), "--version", version, "--for", wait, "--url", `"${OTELCOL_SRE_GATE:-` + inQuotes(r.Gate) + `}"`}, more...)
	return strings.Join(words, " ")
}

// shell is s as one word of a POSIX shell.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// inQuotes is s within double quotes and braces of a POSIX shell.
func inQuotes(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`", "}", "%7D").Replace(s)
}

const githubComment = `GitHub Actions: a job that other workflows call after a deploy:
verify: {uses: ./.github/workflows/THIS_FILE, with: {version: 1.4.0}}. srectl has to be on the runner.`

// expression is text in a workflow, in which GitHub evaluates what is in braces after a dollar.
func expression(text string) string { return strings.ReplaceAll(text, "${{", "${{ '${{' }}") }

func (r *release) github() object {
	input := object{"description": "the service.version of the release", "required": true, "type": "string"}
	const summary = ` -o markdown | tee -a "$GITHUB_STEP_SUMMARY"`
	return object{
		"name": expression("verify " + r.reference()),
		"on":   object{"workflow_call": object{"inputs": object{"version": input}}, "workflow_dispatch": object{"inputs": object{"version": input}}},
		"jobs": object{"verify": object{
			"runs-on": "ubuntu-latest", "timeout-minutes": 20, "permissions": object{},
			"steps": []any{object{
				"name": "verify", "shell": "bash", // with pipefail
				"env": object{"VERSION": "${{ inputs.version }}", "OTELCOL_SRE_GATE": "${{ secrets.OTELCOL_SRE_GATE }}"},
				"run": expression(r.verify(`"$VERSION"`, patience)) + summary,
			}},
		}},
	}
}

const gitlabComment = `GitLab CI: include this file, and extend the job with an image that has srectl and a shell. The version is the tag; the report shows each SLO as a test.`

func (r *release) gitlab() object {
	return object{r.name + "-verify": object{
		"stage": "verify", "timeout": "20m", "rules": []any{object{"if": "$CI_COMMIT_TAG"}},
		"script":        []any{r.verify(`"$CI_COMMIT_TAG"`, patience, "-o", "junit") + " > verify.xml"},
		"artifacts":     object{"when": "always", "reports": object{"junit": "verify.xml"}},
		"allow_failure": object{"exit_codes": []any{2}},
	}}
}
