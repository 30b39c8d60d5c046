{{/* A release with the name otelcol-sre gives the names in the documentation; other names become a prefix. */}}
{{- define "otelcol-sre.name" -}}
{{- $name := ternary .Release.Name (printf "%s-otelcol-sre" .Release.Name) (contains "otelcol-sre" .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of an object that belongs to no namespace. */}}
{{- define "otelcol-sre.clusterName" -}}
{{- printf "%s-%s-%s" .root.Release.Namespace (include "otelcol-sre.name" .root) .role -}}
{{- end -}}

{{- define "otelcol-sre.selector" -}}
app.kubernetes.io/name: otelcol-sre
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{/* Labels of every object. A pod has only those that an upgrade does not change. */}}
{{- define "otelcol-sre.labels" -}}
app.kubernetes.io/name: otelcol-sre
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .role }}
app.kubernetes.io/component: {{ . }}
{{- end }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "otelcol-sre.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{/* The enabled roles, as a list in JSON. */}}
{{- define "otelcol-sre.roles" -}}
{{- $roles := list -}}
{{- range $role := list "agent" "gateway" "standalone" -}}
{{- if (get $.Values $role).enabled -}}{{- $roles = append $roles $role -}}{{- end -}}
{{- end -}}
{{- toJson $roles -}}
{{- end -}}
