{{/* Loki, traces and Nacos: environment. Credentials come from Secrets. Takes root, component, program (master, worker, operator). */}}
{{- define "cronmesh.env.servers" -}}
{{- with .root.Values.logs.loki }}
{{- if .url }}
- name: CRONMESH_LOGS_LOKI_URL
  value: {{ .url | quote }}
{{- with .tenant }}
- name: CRONMESH_LOGS_LOKI_TENANT
  value: {{ . | quote }}
{{- end }}
{{- if .credentialsSecret }}
{{- if .tokenKey }}
{{- include "cronmesh.env.secret" (list "CRONMESH_LOGS_LOKI_TOKEN" .credentialsSecret .tokenKey) }}
{{- else }}
{{- include "cronmesh.env.secret" (list "CRONMESH_LOGS_LOKI_USERNAME" .credentialsSecret .usernameKey) }}
{{- include "cronmesh.env.secret" (list "CRONMESH_LOGS_LOKI_PASSWORD" .credentialsSecret .passwordKey) }}
{{- end }}
{{- end }}
{{- if eq $.program "master" }}
- name: CRONMESH_LOGS_LOKI_OUTPUT
  value: {{ .output | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if ne .program "operator" }}
{{- with .root.Values.tracing.endpoint }}
- name: CRONMESH_TRACING_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .root.Values.sources.nacos }}
{{- if .address }}
- name: CRONMESH_SOURCES_NACOS_ADDRESS
  value: {{ join "," .address | quote }}
- name: CRONMESH_SOURCES_NACOS_NAMESPACE
  value: {{ .namespace | quote }}
- name: CRONMESH_SOURCES_NACOS_GROUP
  value: {{ .group | quote }}
- name: CRONMESH_SOURCES_NACOS_DATA_ID
  value: {{ get .dataIds $.component | default .dataId | quote }}
{{- if .credentialsSecret }}
{{- include "cronmesh.env.secret" (list "CRONMESH_SOURCES_NACOS_USERNAME" .credentialsSecret .usernameKey) }}
{{- include "cronmesh.env.secret" (list "CRONMESH_SOURCES_NACOS_PASSWORD" .credentialsSecret .passwordKey) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A variable from a Secret. Takes a list: its name, the Secret, the key. */}}
{{- define "cronmesh.env.secret" }}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 | quote }}}}
{{- end -}}
