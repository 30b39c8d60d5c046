{{/* The arguments of a role's collector. Its configs are in the binary; these are only their names. */}}
{{- define "otelcol-sre.args" -}}
{{- $root := .root -}}{{- $values := get .root.Values .role -}}
{{- $names := list .role -}}
{{- if eq .role "agent" -}}
{{- $names = append $names "gateway-dns" -}}
{{- if $values.kubernetes.enabled -}}{{- $names = append $names "kubernetes" -}}{{- end -}}
{{- if $values.podLogs.enabled -}}{{- $names = append $names "pod-logs" -}}{{- end -}}
{{- if $values.kubelet.enabled -}}{{- $names = append $names "kubelet" -}}{{- end -}}
{{- if $values.host.enabled -}}{{- $names = append $names "host" -}}{{- end -}}
{{- if $values.kubelet.limits -}}{{- $names = append $names "kubelet-limits" -}}{{- end -}}
{{- if $root.Values.presets.annotationDiscovery.enabled -}}{{- $names = append $names "annotations" -}}{{- end -}}
{{- if $root.Values.mtls.enabled -}}{{- $names = append $names "mtls-client" -}}{{- end -}}
{{- else -}}
{{- if and (eq .role "gateway") $values.cluster.enabled -}}{{- $names = append $names "cluster" -}}
{{- else if $root.Values.presets.kubernetesEvents.enabled -}}{{- $names = append $names "events" -}}{{- end -}}
{{- if and (eq .role "gateway") $root.Values.mtls.enabled -}}{{- $names = concat $names (list "mtls-server" "peers-mtls") -}}{{- end -}}
{{- $names = concat $names $root.Values.backends -}}
{{- end -}}
{{- if $root.Values.catalogObjects.enabled -}}{{- $names = append $names "catalog-objects" -}}{{- end -}}
{{- if $root.Values.presets.profiling.enabled -}}{{- $names = append $names "profiling" -}}{{- end -}}
{{- if and $values.auth.tls (not (has "mtls-server" $names)) -}}{{- $names = append $names "tls-server" -}}{{- end -}}
{{- if $values.auth.bearer.secretName -}}{{- $names = append $names "bearer" -}}{{- end -}}
{{- if $values.auth.oidc.issuer -}}{{- $names = append $names "oidc" -}}{{- end -}}
{{- range $names }}
- --config=builtin:{{ . }}
{{- end }}
{{- if $values.config }}
- --config=/etc/otelcol-sre/config/config.yaml
{{- end }}
{{- end -}}

{{/* Environment variables of a role. env and ROLE.env override those that are set here. */}}
{{- define "otelcol-sre.env" -}}
{{- $root := .root -}}{{- $values := get .root.Values .role -}}{{- $name := include "otelcol-sre.name" .root -}}
{{- $env := dict
  "GOMEMLIMIT" (include "otelcol-sre.gomemlimit" $values.resources.limits.memory)
  "HOSTNAME" (dict "fieldRef" "metadata.name")
  "OTELCOL_SRE_HEALTH" "0.0.0.0:13133"
  "OTELCOL_SRE_OTLP_GRPC" "0.0.0.0:4317"
  "OTELCOL_SRE_OTLP_HTTP" "0.0.0.0:4318"
  "OTELCOL_SRE_TELEMETRY_HOST" "0.0.0.0"
-}}
{{- if eq .role "agent" -}}
{{- $gateway := $values.gateway | default (printf "%s-gateway-headless" $name) -}}
{{- $_ := set $env "OTELCOL_SRE_GATEWAY_DNS" $gateway -}}
{{- if $root.Values.mtls.enabled -}}
{{- $_ := set $env "OTELCOL_SRE_GATEWAY_NAME" $gateway -}}
{{- else -}}
{{- $_ := set $env "OTELCOL_SRE_GATEWAY_INSECURE" "true" -}}
{{- end -}}
{{- if $values.host.enabled -}}
{{- $_ := set $env "OTELCOL_SRE_HOST_ROOT" "/hostfs" -}}
{{- end -}}
{{- if eq $values.kind "DaemonSet" -}}
{{- $_ := set $env "OTELCOL_SRE_NODE" (dict "fieldRef" "spec.nodeName") -}}
{{- end -}}
{{- if $values.kubelet.enabled -}}
{{- $_ := set $env "OTELCOL_SRE_KUBELET" (dict "fieldRef" "status.hostIP") -}}
{{- end -}}
{{- if and (or $values.kubernetes.enabled $root.Values.presets.annotationDiscovery.enabled) (eq $values.kubernetes.scope "namespace") -}}
{{- $_ := set $env "OTELCOL_SRE_NAMESPACE" (dict "fieldRef" "metadata.namespace") -}}
{{- end -}}
{{- else -}}
{{- $_ := set $env "OTELCOL_SRE_PROMETHEUS" "0.0.0.0:9464" -}}
{{- if or $root.Values.presets.kubernetesEvents.enabled (and (eq .role "gateway") $values.cluster.enabled) -}}
{{- $_ := set $env "OTELCOL_SRE_POD_NAMESPACE" (dict "fieldRef" "metadata.namespace") -}}
{{- end -}}
{{- end -}}
{{- if $root.Values.catalogObjects.enabled -}}
{{- if eq .role "agent" -}}{{- $_ := set $env "OTELCOL_SRE_CATALOG_STATUS" "false" -}}{{- end -}}
{{- with $root.Values.catalogObjects.namespaces -}}{{- $_ := set $env "OTELCOL_SRE_CATALOG_NAMESPACES" (join "," .) -}}{{- end -}}
{{- end -}}
{{- if eq .role "gateway" -}}
{{- $_ := set $env "OTELCOL_SRE_PEERS" (printf "%s-gateway-headless:4319" $name) -}}
{{- $_ := set $env "OTELCOL_SRE_PEERS_ENDPOINT" "0.0.0.0:4319" -}}
{{- if $root.Values.mtls.enabled -}}
{{- $_ := set $env "OTELCOL_SRE_GATEWAY_NAME" (printf "%s-gateway-headless" $name) -}}
{{- else -}}
{{- $_ := set $env "OTELCOL_SRE_PEERS_INSECURE" "true" -}}
{{- end -}}
{{- end -}}
{{- if and (eq .role "standalone") $values.expose.enabled -}}
{{- $service := printf "%s-standalone" $name -}}
{{- $routed := list -}}
{{- with $values.expose.ingress }}{{- if and .enabled .host }}{{- $routed = append $routed .host }}{{- end }}{{- end -}}
{{- with $values.expose.httpRoute }}{{- if .enabled }}{{- $routed = concat $routed .hostnames }}{{- end }}{{- end -}}
{{- $hosts := list $service (printf "%s.%s" $service $root.Release.Namespace) (printf "%s.%s.svc" $service $root.Release.Namespace) -}}
{{- $_ := set $env "OTELCOL_SRE_ALLOWED_HOSTS" (join "," (concat $hosts $values.expose.hosts $routed)) -}}
{{- $_ := set $env "OTELCOL_SRE_PROMETHEUS_API" "0.0.0.0:9090" -}}
{{- $_ := set $env "OTELCOL_SRE_STATUS_PAGE" "0.0.0.0:8686" -}}
{{- end -}}
{{- if $values.auth.bearer.secretName -}}
{{- $_ := set $env "OTELCOL_SRE_BEARER_FILE" (printf "/etc/otelcol-sre/bearer/%s" $values.auth.bearer.key) -}}
{{- end -}}
{{- if $values.auth.oidc.issuer -}}
{{- $_ := set $env "OTELCOL_SRE_OIDC_ISSUER" $values.auth.oidc.issuer -}}
{{- $_ := set $env "OTELCOL_SRE_OIDC_AUDIENCE" $values.auth.oidc.audience -}}
{{- end -}}
{{- $extra := list -}}
{{- range $values.extraEnv -}}{{- $extra = append $extra .name -}}{{- end -}}
{{- range $key, $value := merge (dict) $values.env $root.Values.env $env }}
{{- if not (has $key $extra) }}
- name: {{ $key }}
{{- if kindIs "map" $value }}
  valueFrom: {fieldRef: {fieldPath: {{ $value.fieldRef }}}}
{{- else }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* 80 % of the memory limit, so that the garbage collector runs more often before the kernel kills the process. */}}
{{- define "otelcol-sre.gomemlimit" -}}
{{- $mebibytes := trimSuffix "Mi" . | int64 -}}
{{- if hasSuffix "Gi" . -}}{{- $mebibytes = mul 1024 (trimSuffix "Gi" .) -}}{{- end -}}
{{- printf "%dMiB" (div (mul $mebibytes 8) 10) -}}
{{- end -}}

{{- define "otelcol-sre.ports" -}}
- {name: otlp-grpc, containerPort: 4317}
- {name: otlp-http, containerPort: 4318}
- {name: metrics, containerPort: 8888}
- {name: health, containerPort: 13133}
{{- if ne .role "agent" }}
- {name: prometheus, containerPort: 9464}
{{- end }}
{{- if eq .role "gateway" }}
- {name: peers, containerPort: 4319}
{{- end }}
{{- if and (eq .role "standalone") .root.Values.standalone.expose.enabled }}
- {name: api, containerPort: 9090}
- {name: status, containerPort: 8686}
{{- end }}
{{- end -}}
