{{/* Checks that the schema cannot express. */}}
{{- define "otelcol-sre.check" -}}
{{- if not (include "otelcol-sre.roles" . | fromJsonArray) -}}
{{- fail "no role is enabled: set standalone.enabled, agent.enabled or gateway.enabled" -}}
{{- end -}}
{{- if and .Values.agent.enabled (not .Values.agent.gateway) (not .Values.gateway.enabled) -}}
{{- fail "the agent has nowhere to send to: set agent.gateway to the DNS name of gateways, or gateway.enabled" -}}
{{- end -}}
{{- if and .Values.agent.enabled .Values.agent.kubelet.limits (not .Values.agent.kubelet.enabled) -}}
{{- fail "agent.kubelet.limits adds to what the kubelet is asked for: set agent.kubelet.enabled as well" -}}
{{- end -}}
{{- if and .Values.agent.enabled (eq .Values.agent.kind "Deployment") (or .Values.agent.podLogs.enabled .Values.agent.host.enabled .Values.agent.kubelet.enabled) -}}
{{- fail "agent.podLogs, agent.host and agent.kubelet are about one node each: set agent.kind to DaemonSet" -}}
{{- end -}}
{{- $presets := .Values.presets -}}
{{- if and $presets.annotationDiscovery.enabled (not (and .Values.agent.enabled (eq .Values.agent.kind "DaemonSet"))) -}}
{{- fail "presets.annotationDiscovery: the agent of each node scrapes its pods: set agent.enabled, and agent.kind to DaemonSet" -}}
{{- end -}}
{{- if and $presets.kubernetesEvents.enabled (not (or .Values.gateway.enabled .Values.standalone.enabled)) -}}
{{- fail "presets.kubernetesEvents: gateways or standalone collect them: set gateway.enabled or standalone.enabled" -}}
{{- end -}}
{{- if and .Values.networkPolicy.viewers (not .Values.standalone.expose.enabled) -}}
{{- fail "networkPolicy.viewers: the status page and the Prometheus API listen on localhost, which kubectl port-forward reaches; to let these peers in, set standalone.expose.enabled" -}}
{{- end -}}
{{- $expose := .Values.standalone.expose -}}
{{- if and (or $expose.ingress.enabled $expose.httpRoute.enabled) (not $expose.enabled) -}}
{{- fail "standalone.expose.ingress and httpRoute need the status page in the Service: set standalone.expose.enabled" -}}
{{- end -}}
{{- if and $expose.ingress.enabled (not $expose.ingress.host) -}}
{{- fail "standalone.expose.ingress.host is empty: set the name under which browsers reach the status page" -}}
{{- end -}}
{{- if and $expose.httpRoute.enabled (not (and $expose.httpRoute.parentRefs $expose.httpRoute.hostnames)) -}}
{{- fail "standalone.expose.httpRoute: set parentRefs to the Gateways, and hostnames" -}}
{{- end -}}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled -}}
{{- fail "podMonitor and serviceMonitor scrape the same ports: choose one" -}}
{{- end -}}
{{- range $role := include "otelcol-sre.roles" . | fromJsonArray -}}
{{- $values := get $.Values $role -}}
{{- if and $values.auth.bearer.secretName $values.auth.oidc.issuer -}}
{{- fail (printf "%s.auth: bearer and oidc are one receiver's authenticator both: choose one" $role) -}}
{{- end -}}
{{- if and (not $values.serviceAccount.create) (not $values.serviceAccount.name) (eq (include "otelcol-sre.usesAPI" (dict "root" $ "role" $role)) "true") -}}
{{- fail (printf "%s asks the API server, and its rights would go to the account default: set %s.serviceAccount.name" $role $role) -}}
{{- end -}}
{{- if le (int $values.terminationGracePeriodSeconds) (int $values.preStopSeconds) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds must be longer than preStopSeconds, by the drain of the queues" $role) -}}
{{- end -}}
{{- end -}}
{{- end -}}
