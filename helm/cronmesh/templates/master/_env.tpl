{{- define "cronmesh.master.env" -}}
- name: CRONMESH_GRPC_PORT
  value: "9090"
{{- with .Values.history.retentionDays }}
- name: CRONMESH_HISTORY_RETENTION_DAYS
  value: {{ . | quote }}
{{- end }}
{{ include "cronmesh.env.database" . }}
{{- end -}}
