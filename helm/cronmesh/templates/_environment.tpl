{{/* Environment of every program that runs on. Takes root, component, program, port. */}}
{{- define "cronmesh.env.common" -}}
{{- with .root.Values.log.level }}
- name: CRONMESH_LOG_LEVEL
  value: {{ . }}
{{- end }}
- name: CRONMESH_HTTP_PORT
  value: {{ .port | quote }}
- name: CRONMESH_DATA_DIRECTORY
  value: /var/lib/cronmesh
- name: CRONMESH_ADVERTISE_ADDRESS
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- include "cronmesh.consul.env" .root }}
{{- include "cronmesh.env.files" . }}
{{- include "cronmesh.env.servers" . }}
{{- end -}}

{{/* The database, for masters and the operator. Takes the root. */}}
{{- define "cronmesh.env.database" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      {{- if .Values.postgresql.enabled }}
      name: {{ include "cronmesh.fullname" . }}-postgresql
      key: url
      {{- else }}
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.existingSecretKey }}
      {{- end }}
- name: CRONMESH_DATABASE_POOL_SIZE
  value: {{ .Values.database.poolSize | quote }}
{{- end -}}

{{/* What a worker is. Takes the pool's values. */}}
{{- define "cronmesh.env.worker" -}}
- name: CRONMESH_WORKER_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: CRONMESH_WORKER_EXECUTORS
  value: {{ join "," .executors }}
{{- with .modules }}
- name: CRONMESH_WORKER_MODULES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .capacity }}
- name: CRONMESH_WORKER_CAPACITY
  value: {{ int . | quote }}
{{- end }}
- name: CRONMESH_WORKER_DRAIN_SECONDS
  value: {{ .drainSeconds | quote }}
- name: CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES
  value: {{ .allowPrivateAddresses | quote }}
- name: CRONMESH_WORKER_SPOOL_LIMIT_BYTES
  value: {{ int64 .spoolLimitBytes | quote }}
{{- if .labels }}
- name: CRONMESH_WORKER_LABELS
  {{- $pairs := list }}
  {{- range $key, $value := .labels }}
  {{- $pairs = append $pairs (printf "%s=%s" $key $value) }}
  {{- end }}
  value: {{ join "," $pairs | quote }}
{{- end }}
{{- end -}}
