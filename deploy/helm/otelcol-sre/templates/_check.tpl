{{/* Checks that the schema cannot express. */}}
{{- define "otelcol-sre.check" -}}
{{- if not (include "otelcol-sre.roles" . | fromJsonArray) -}}
{{- fail "no role is enabled: set standalone.enabled, agent.enabled or gateway.enabled" -}}
{{- end -}}
{{- if and .Values.agent.enabled (not .Values.agent.gateway) (not .Values.gateway.enabled) -}}
{{- fail "the agent has nowhere to send to: set agent.gateway to the DNS name of gateways, or gateway.enabled" -}}
{{- end -}}
{{- if and .Values.agent.enabled (eq .Values.agent.kind "Deployment") (or .Values.agent.podLogs.enabled .Values.agent.host.enabled .Values.agent.kubelet.enabled) -}}
{{- fail "agent.podLogs, agent.host and agent.kubelet are about one node each: set agent.kind to DaemonSet" -}}
{{- end -}}
{{- if and .Values.networkPolicy.viewers (not .Values.standalone.expose.enabled) -}}
{{- fail "networkPolicy.viewers: the status page and the Prometheus API listen on localhost, which kubectl port-forward reaches; to let these peers in, set standalone.expose.enabled" -}}
{{- end -}}
{{- range $role := include "otelcol-sre.roles" . | fromJsonArray -}}
{{- $values := get $.Values $role -}}
{{- if and $values.auth.bearer.secretName $values.auth.oidc.issuer -}}
{{- fail (printf "%s.auth: bearer and oidc are one receiver's authenticator both: choose one" $role) -}}
{{- end -}}
{{- if le (int $values.terminationGracePeriodSeconds) (int $values.preStopSeconds) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds must be longer than preStopSeconds, by the drain of the queues" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
