{{/* The pod of a role: everything that agent, gateway and standalone have in common stands here once. */}}
{{- define "otelcol-sre.pod" -}}
{{- $root := .root -}}{{- $values := get .root.Values .role -}}{{- $name := include "otelcol-sre.name" .root -}}
{{- $api := include "otelcol-sre.usesAPI" . -}}
{{- $tls := or $values.auth.tls (and $root.Values.mtls.enabled (ne .role "standalone")) -}}
{{- $host := and (eq .role "agent") $values.podLogs.enabled -}}
metadata:
  labels:
    {{- include "otelcol-sre.selector" . | nindent 4 }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or $values.config $values.podAnnotations }}
  annotations:
    {{- if $values.config }}
    checksum/config: {{ toYaml $values.config | sha256sum }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "otelcol-sre.account" . }}
  automountServiceAccountToken: {{ eq $api "true" }}
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName | default (ternary $name "" $root.Values.priorityClass.create) }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- if $values.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- with $values.dnsPolicy | default (ternary "ClusterFirstWithHostNet" "" $values.hostNetwork) }}
  dnsPolicy: {{ . }}
  {{- end }}
  {{- with $values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- if $host }}
    # Files of other pods' logs belong to uid 0. It has no capabilities and may write nothing but its state.
    runAsNonRoot: false
    runAsUser: 0
    runAsGroup: 0
    {{- else }}
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    seccompProfile: {type: RuntimeDefault}
  {{- with $values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: otelcol-sre
      image: {{ include "otelcol-sre.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        {{- include "otelcol-sre.args" . | trim | nindent 8 }}
      env:
        {{- include "otelcol-sre.env" . | trim | nindent 8 }}
      envFrom:
        - secretRef: {name: {{ $root.Values.credentials.secretName }}, optional: true}
        {{- with $values.extraEnvFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- include "otelcol-sre.ports" . | nindent 8 }}
      startupProbe:
        httpGet: {path: /, port: health}
        periodSeconds: 2
        failureThreshold: 60
      readinessProbe:
        httpGet: {path: /, port: health}
        periodSeconds: 5
        failureThreshold: 2
      # Minutes more tolerant than readiness: a collector that drains or is short of memory needs time, not a restart.
      livenessProbe:
        httpGet: {path: /, port: health}
        periodSeconds: 20
        timeoutSeconds: 5
        failureThreshold: 9
      # Clients learn that this pod ends before it stops listening.
      lifecycle:
        preStop: {sleep: {seconds: {{ $values.preStopSeconds }}}}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: state, mountPath: /var/lib/otelcol-sre}
        - {name: catalog, mountPath: /etc/otelcol-sre/catalog, readOnly: true}
        {{- if eq .role "standalone" }}
        - {name: alerts, mountPath: /etc/otelcol-sre/alerts, readOnly: true}
        {{- range $service, $_ := $root.Values.runbooks }}
        - {name: {{ include "otelcol-sre.runbookVolume" $service }}, mountPath: "/etc/otelcol-sre/runbooks/{{ $service }}", readOnly: true}
        {{- end }}
        {{- end }}
        {{- if $tls }}
        - {name: tls, mountPath: /etc/otelcol-sre/tls, readOnly: true}
        {{- end }}
        {{- if $values.auth.bearer.secretName }}
        - {name: bearer, mountPath: /etc/otelcol-sre/bearer, readOnly: true}
        {{- end }}
        {{- if $values.config }}
        - {name: config, mountPath: /etc/otelcol-sre/config, readOnly: true}
        {{- end }}
        {{- if $host }}
        - {name: pod-logs, mountPath: /var/log/pods, readOnly: true}
        {{- end }}
        {{- if and (eq .role "agent") $values.host.enabled }}
        - {name: host, mountPath: /hostfs, readOnly: true, mountPropagation: HostToContainer}
        {{- end }}
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $values.topologySpreadConstraints | nindent 4 }}
  {{- else if or (eq .role "gateway") (and (eq .role "agent") (eq $values.kind "Deployment")) }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "otelcol-sre.selector" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  volumes:
    - name: catalog
      projected:
        sources:
          {{- include "otelcol-sre.sources" (dict "root" $root "kind" "catalog") | trim | nindent 10 }}
    {{- if eq .role "standalone" }}
    - name: alerts
      projected:
        sources:
          {{- include "otelcol-sre.sources" (dict "root" $root "kind" "alerts") | trim | nindent 10 }}
    {{- range $service, $pages := $root.Values.runbooks }}
    - name: {{ include "otelcol-sre.runbookVolume" $service }}
      configMap: {name: {{ $name }}-{{ include "otelcol-sre.runbookVolume" $service }}{{ if not $pages }}, optional: true{{ end }}}
    {{- end }}
    {{- end }}
    {{- if eq .role "agent" }}
    - name: state
      {{- if $host }}
      # What was read of the logs, and what was not yet sent, outlives the pod.
      hostPath: {path: {{ $values.podLogs.statePath }}, type: DirectoryOrCreate}
      {{- else }}
      emptyDir: {sizeLimit: {{ $values.stateSizeLimit }}}
      {{- end }}
    {{- else if not $values.persistence.enabled }}
    - name: state
      emptyDir: {sizeLimit: {{ $values.persistence.size }}}
    {{- end }}
    {{- if $tls }}
    - name: tls
      secret: {secretName: {{ $name }}-{{ .role }}-tls, defaultMode: 0440}
    {{- end }}
    {{- with $values.auth.bearer.secretName }}
    - name: bearer
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- if $values.config }}
    - name: config
      configMap: {name: {{ $name }}-{{ .role }}}
    {{- end }}
    {{- if $host }}
    - name: pod-logs
      hostPath: {path: /var/log/pods, type: Directory}
    {{- end }}
    {{- if and (eq .role "agent") $values.host.enabled }}
    - name: host
      hostPath: {path: /, type: Directory}
    {{- end }}
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The name of a role's ServiceAccount. */}}
{{- define "otelcol-sre.account" -}}
{{- $account := (get .root.Values .role).serviceAccount -}}
{{- $account.name | default (ternary (printf "%s-%s" (include "otelcol-sre.name" .root) .role) "default" $account.create) -}}
{{- end -}}

{{/* Whether a role asks the API server anything. */}}
{{- define "otelcol-sre.usesAPI" -}}
{{- or .root.Values.catalogObjects.enabled (eq (include "otelcol-sre.asksAboutPods" .) "true") -}}
{{- end -}}

{{/* Whether it asks about more than the catalog. */}}
{{- define "otelcol-sre.asksAboutPods" -}}
{{- $values := get .root.Values .role -}}
{{- $presets := .root.Values.presets -}}
{{- if eq .role "agent" -}}
{{- or $values.kubernetes.enabled $values.kubelet.enabled $presets.annotationDiscovery.enabled -}}
{{- else if eq .role "gateway" -}}
{{- or $values.cluster.enabled $presets.kubernetesEvents.enabled -}}
{{- else -}}
{{- $presets.kubernetesEvents.enabled -}}
{{- end -}}
{{- end -}}
