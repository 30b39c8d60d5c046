{{/*
The files of catalog or alerts, split into parts that each fit into a ConfigMap, as JSON: a list of objects with name
and text. A ConfigMap holds 1 MiB; with 900 kB there is room for its other fields.
*/}}
{{- define "otelcol-sre.parts" -}}
{{- $limit := 900000 -}}{{- $parts := list -}}{{- $part := dict -}}{{- $size := 0 -}}
{{- range $file, $text := get .root.Values .kind -}}
{{- $more := add (len $text) (len $file) -}}
{{- if gt $more $limit -}}
{{- fail (printf "%s.%s has %d bytes, and a ConfigMap holds 1 MiB: split the file" $.kind $file $more) -}}
{{- end -}}
{{- if gt (add $size $more) $limit -}}
{{- $parts = append $parts $part -}}{{- $part = dict -}}{{- $size = 0 -}}
{{- end -}}
{{- $_ := set $part $file $text -}}{{- $size = add $size $more -}}
{{- end -}}
{{- if $part -}}{{- $parts = append $parts $part -}}{{- end -}}
{{- toJson $parts -}}
{{- end -}}

{{/* The name of the ConfigMap of a part, counted from 0: NAME-catalog, NAME-catalog-2, ... */}}
{{- define "otelcol-sre.partName" -}}
{{- include "otelcol-sre.name" .root }}-{{ .kind }}{{ if .index }}-{{ add1 .index }}{{ end }}
{{- end -}}

{{/*
Sources of the projected volume of catalog or alerts. Without files here, the user creates the ConfigMap, perhaps
later, so it is optional.
*/}}
{{- define "otelcol-sre.sources" -}}
{{- $parts := include "otelcol-sre.parts" . | fromJsonArray | default (list dict) -}}
{{- range $index, $_ := $parts }}
- configMap: {name: {{ include "otelcol-sre.partName" (dict "root" $.root "kind" $.kind "index" $index) }}, optional: true}
{{- end }}
{{- end -}}

{{/* A service's name may have characters that a volume's name may not. */}}
{{- define "otelcol-sre.runbookVolume" -}}
{{- $label := regexReplaceAll "[^a-z0-9-]+" (lower .) "-" | trunc 40 | trimAll "-" -}}
runbooks-{{ $label }}{{ if ne $label . }}-{{ sha256sum . | trunc 8 }}{{ end }}
{{- end -}}
