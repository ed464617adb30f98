{{/* By what pods are selected: never changes. Takes root, component. */}}
{{- define "cronmesh.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cronmesh.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Takes root, component. */}}
{{- define "cronmesh.labels" -}}
{{ include "cronmesh.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cronmesh
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: a new version of the chart alone restarts nothing. Takes root, component. */}}
{{- define "cronmesh.podLabels" -}}
{{ include "cronmesh.selectorLabels" . }}
app.kubernetes.io/part-of: cronmesh
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
An object's metadata. Takes root, component, and of these what applies: name (default: fullname-component), namespace,
annotations, labels, clusterScoped.
*/}}
{{- define "cronmesh.metadata" -}}
name: {{ .name | default (printf "%s-%s" (include "cronmesh.fullname" .root) .component) }}
{{- if not .clusterScoped }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  {{- include "cronmesh.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
