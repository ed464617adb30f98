{{/* A component's ServiceAccount. Takes root, component, values. */}}
{{- define "cronmesh.serviceAccount" -}}
{{- if .values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "cronmesh.metadata" (dict "root" .root "component" .component "name" (include "cronmesh.serviceAccountName" .) "annotations" .values.serviceAccount.annotations) | nindent 2 }}
# Pods say themselves whether they get a token.
automountServiceAccountToken: false
{{- end -}}
{{- end -}}

{{/* A component's PodDisruptionBudget. Takes root, component, values. */}}
{{- define "cronmesh.podDisruptionBudget" -}}
{{- if .values.podDisruptionBudget.enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "cronmesh.metadata" (dict "root" .root "component" .component) | nindent 2 }}
spec:
  {{- $minimum := .values.podDisruptionBudget.minAvailable }}
  {{- if ne (toString $minimum) "" }}
  minAvailable: {{ $minimum }}
  {{- else }}
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable }}
  {{- end }}
  # A pod that is not ready may always be evicted: it does no work.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "cronmesh.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{/*
The same rules in each of the namespaces, or cluster-wide, for a component's ServiceAccount. Takes root, component,
account (its name), namespaces (empty: the release's), clusterWide, rules (a list), suffix (of the name, may be empty),
annotations.
*/}}
{{- define "cronmesh.roles" -}}
{{- $release := .root.Release.Namespace -}}
{{- $own := printf "%s-%s%s" (include "cronmesh.fullname" .root) .component (.suffix | default "") -}}
{{- $foreign := printf "%s-%s%s" (include "cronmesh.foreignName" .root) .component (.suffix | default "") -}}
{{- $scopes := .namespaces | default (list $release) -}}
{{- if .clusterWide }}{{ $scopes = list "" }}{{ end -}}
{{- range $namespace := $scopes }}
{{- $kind := ternary "Role" "ClusterRole" (ne $namespace "") }}
{{- $name := ternary $own $foreign (eq $namespace $release) }}
{{- $metadata := include "cronmesh.metadata" (dict "root" $.root "component" $.component "name" $name "namespace" $namespace "clusterScoped" (eq $namespace "") "annotations" $.annotations) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  {{- $metadata | nindent 2 }}
rules:
  {{- toYaml $.rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  {{- $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $.account }}
    namespace: {{ $release }}
{{- end }}
{{- end -}}

{{/* Rules for reading exactly the named objects, as YAML; a rule without names would mean all of them. Takes secretAccess. */}}
{{- define "cronmesh.secretRules" -}}
{{- with .secrets }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- with .configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end -}}
