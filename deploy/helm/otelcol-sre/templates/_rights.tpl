{{/* What the fragments of a role ask the API server for, no more: test/kubernetes takes each rule away in turn. */}}
{{- define "otelcol-sre.rules" -}}
{{- $values := get .root.Values .role -}}{{- $presets := .root.Values.presets -}}
{{- if eq .role "agent" }}
{{- if or $values.kubernetes.enabled $presets.annotationDiscovery.enabled }}
# kubernetes, annotations
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- if $values.kubelet.enabled }}
# kubelet; never nodes/proxy, with which one may run commands in every container
- apiGroups: [""]
  resources: [nodes/stats]
  verbs: [get]
{{- end }}
{{- if $values.kubelet.limits }}
# kubelet-limits: the specs of the node's pods
- apiGroups: [""]
  resources: [nodes/pods]
  verbs: [get]
{{- end }}
{{- else if and (eq .role "gateway") $values.cluster.enabled }}
# cluster
- apiGroups: [""]
  resources: [namespaces, nodes, pods, replicationcontrollers, resourcequotas, services]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [daemonsets, deployments, replicasets, statefulsets]
  verbs: [list, watch]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [list, watch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, watch]
{{- else if $presets.kubernetesEvents.enabled }}
# events
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, watch]
{{- end }}
{{- end -}}
