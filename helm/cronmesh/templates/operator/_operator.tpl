{{/* Whose resources: environment that the operator and its uninstall hook share. */}}
{{- define "cronmesh.operator.scopeEnv" -}}
{{- if not .Values.operator.clusterWide }}
- name: CRONMESH_OPERATOR_NAMESPACES
  value: {{ join "," (.Values.operator.watchNamespaces | default (list .Release.Namespace)) }}
{{- end }}
{{- end -}}

{{- define "cronmesh.operator.env" -}}
{{ include "cronmesh.env.database" . }}
{{- include "cronmesh.operator.scopeEnv" . }}
- name: CRONMESH_OPERATOR_FINALIZER_TIMEOUT_SECONDS
  value: {{ .Values.operator.finalizerTimeoutSeconds | quote }}
- name: CRONMESH_OPERATOR_RESYNC_SECONDS
  value: {{ .Values.operator.resyncSeconds | quote }}
{{- end -}}

{{- define "cronmesh.operator.rules" -}}
- apiGroups: [cronmesh.io]
  resources: [cronjobs]
  verbs: [get, list, watch, patch]
- apiGroups: [cronmesh.io]
  resources: [cronjobs/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* Its own namespace: by the uid of it one cluster is told from another. */}}
{{- define "cronmesh.operator.namespaceRules" -}}
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [{{ .Release.Namespace }}]
  verbs: [get]
{{- end -}}

{{- define "cronmesh.operator.releaseRules" -}}
- apiGroups: [cronmesh.io]
  resources: [cronjobs]
  verbs: [get, list, patch]
{{- end -}}
