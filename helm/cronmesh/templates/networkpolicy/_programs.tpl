{{/* Masters: REST and page from where the values say, reports from the workers. Takes the root. */}}
{{- define "cronmesh.ingress.master" -}}
- ports:
    - {port: 8080, protocol: TCP}
  {{- with .Values.networkPolicy.masterFrom }}
  from:
    # helm test
    - podSelector:
        matchLabels:
          {{- include "cronmesh.selectorLabels" (dict "root" $ "component" "test") | nindent 10 }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
- ports:
    - {port: 9090, protocol: TCP}
  from:
    {{- range $component := list "worker" "kubernetes-worker" }}
    - podSelector:
        matchLabels:
          {{- include "cronmesh.selectorLabels" (dict "root" $ "component" $component) | nindent 10 }}
    {{- end }}
{{- /* REST, metrics and checks have one port: where REST is closed, these open it to those alone who are named. */}}
{{- if .Values.networkPolicy.metricsFrom }}
{{ include "cronmesh.ingress.metrics" (dict "root" . "port" 8080) }}
{{- end }}
{{- if .Values.networkPolicy.consulPeers }}
{{- include "cronmesh.ingress.checks" (dict "root" . "port" 8080) }}
{{- end }}
{{- include "cronmesh.ingress.consul" . }}
{{- end -}}

{{/* Egress of masters and the operator. Takes root, program. */}}
{{- define "cronmesh.egress.master" -}}
{{ include "cronmesh.egress.dns" .root }}
{{- include "cronmesh.egress.consul" .root }}
{{- include "cronmesh.egress.database" .root }}
{{- include "cronmesh.egress.servers" . }}
{{- end -}}

{{/* Egress of a pool. Takes root, key. */}}
{{- define "cronmesh.egress.pool" -}}
{{ include "cronmesh.egress.dns" .root }}
{{- include "cronmesh.egress.consul" .root }}
- to:
    - podSelector:
        matchLabels:
          {{- include "cronmesh.selectorLabels" (dict "root" .root "component" "master") | nindent 10 }}
  ports:
    - {port: 9090, protocol: TCP}
{{- include "cronmesh.egress.servers" (dict "root" .root "program" "worker") }}
{{- if eq (include "cronmesh.poolToken" .) "true" }}
{{ include "cronmesh.egress.kubernetes" .root }}
{{- end }}
{{- with .root.Values.networkPolicy.workerEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Ingress of pods that only tell how they are. Takes root, port. */}}
{{- define "cronmesh.ingress.member" -}}
{{ include "cronmesh.ingress.metrics" . }}
{{- include "cronmesh.ingress.checks" . }}
{{- include "cronmesh.ingress.consul" .root }}
{{- end -}}
