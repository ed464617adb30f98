{{- define "cronmesh.master.env" -}}
- name: CRONMESH_GRPC_PORT
  value: "9090"
- name: CRONMESH_HISTORY_RETENTION_DAYS
  value: {{ .Values.history.retentionDays | quote }}
{{ include "cronmesh.env.database" . }}
{{- end -}}
