{{/* Egress that every pod has: names. */}}
{{- define "cronmesh.egress.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}

{{/* Egress to Consul: as a member by its gossip and RPC, or to an agent's HTTP. */}}
{{- define "cronmesh.egress.consul" -}}
{{- $mode := .Values.consul.agent.mode -}}
{{- if eq $mode "sidecar" }}
- to:
    - podSelector:
        matchLabels:
          {{- include "cronmesh.releaseLabels" . | nindent 10 }}
  ports:
    {{- include "cronmesh.consul.memberPorts" . | nindent 4 }}
- ports:
    {{- include "cronmesh.consul.memberPorts" . | nindent 4 }}
  {{- with .Values.networkPolicy.consulPeers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- else }}
- ports:
    {{- if eq $mode "node" }}
    - {port: {{ .Values.consul.agent.node.port }}, protocol: TCP}
    {{- else }}
    - {port: {{ include "cronmesh.consul.externalPort" . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.consulPeers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The port of consul.agent.external.address, or its scheme's. */}}
{{- define "cronmesh.consul.externalPort" -}}
{{- include "cronmesh.urlPort" (.Values.consul.agent.external.address | default "http://in-release:8500") -}}
{{- end -}}

{{/* The port of a URL, or its scheme's. */}}
{{- define "cronmesh.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* Egress to Loki, the receiver of traces and Nacos, where they are set. Takes root, program (master, worker, operator). */}}
{{- define "cronmesh.egress.servers" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- with .root.Values.logs.loki.url }}
{{ include "cronmesh.egress.ports" (dict "ports" (list (include "cronmesh.urlPort" .)) "to" $policy.lokiTo) }}
{{- end }}
{{- if ne .program "operator" }}
{{- with .root.Values.tracing.endpoint }}
{{ include "cronmesh.egress.ports" (dict "ports" (list (include "cronmesh.urlPort" .)) "to" $policy.tracingTo) }}
{{- end }}
{{- end }}
{{- $nacos := list -}}
{{- range .root.Values.sources.nacos.address }}
{{- $port := regexFind "[0-9]+$" . | int }}
{{- $nacos = concat $nacos (list $port (add $port 1000)) }}
{{- end }}
{{- with $nacos }}
{{ include "cronmesh.egress.ports" (dict "ports" (uniq .) "to" $policy.nacosTo) }}
{{- end }}
{{- end -}}

{{/* A rule of egress. Takes ports, to (empty: everywhere). */}}
{{- define "cronmesh.egress.ports" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "cronmesh.consul.memberPorts" -}}
- {port: 8300, protocol: TCP}
- {port: 8301, protocol: TCP}
- {port: 8301, protocol: UDP}
{{- end -}}

{{/* Ingress of gossip, for pods that are members. */}}
{{- define "cronmesh.ingress.consul" -}}
{{- if include "cronmesh.consul.sidecar" . }}
- ports:
    - {port: 8301, protocol: TCP}
    - {port: 8301, protocol: UDP}
  {{- with .Values.networkPolicy.consulPeers }}
  from:
    - podSelector:
        matchLabels:
          {{- include "cronmesh.releaseLabels" $ | nindent 10 }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Ingress of checks that an agent outside the pod makes. Takes root, port. */}}
{{- define "cronmesh.ingress.checks" -}}
{{- if not (include "cronmesh.consul.sidecar" .root) }}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  {{- with .root.Values.networkPolicy.consulPeers }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "cronmesh.egress.database" -}}
{{- if .Values.postgresql.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "cronmesh.selectorLabels" (dict "root" . "component" "postgresql") | nindent 10 }}
  ports:
    - {port: 5432, protocol: TCP}
{{- else }}
- ports:
    - {port: {{ .Values.networkPolicy.databasePort }}, protocol: TCP}
  {{- with .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "cronmesh.egress.kubernetes" -}}
- ports:
    {{- range .Values.networkPolicy.kubernetesApiPorts }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.kubernetesApiTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Ingress of who scrapes. Takes root, port. */}}
{{- define "cronmesh.ingress.metrics" -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  {{- with .root.Values.networkPolicy.metricsFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* All pods of the release. Takes the root. */}}
{{- define "cronmesh.releaseLabels" -}}
app.kubernetes.io/name: {{ include "cronmesh.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A component's policy. Takes root, component, ingress, egress (rules as YAML). */}}
{{- define "cronmesh.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "cronmesh.metadata" (dict "root" .root "component" .component) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "cronmesh.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- with .ingress | trim }}
  ingress:
    {{- . | nindent 4 }}
  {{- else }}
  ingress: []
  {{- end }}
  {{- with .egress | trim }}
  egress:
    {{- . | nindent 4 }}
  {{- else }}
  egress: []
  {{- end }}
{{- end -}}
