{{/*
The Deployment of a program. Takes root, component, program, values, port, grace (seconds to stop), token (whether the
pods get a token of Kubernetes), env (the program's own, as YAML); masters also grpc (a port) and preStop (seconds).
*/}}
{{- define "cronmesh.deployment" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $selector := include "cronmesh.selectorLabels" . -}}
{{- $scheme := include "cronmesh.scheme" . -}}
{{- $probe := ternary ", scheme: HTTPS" "" (eq $scheme "https") -}}
{{- $files := include "cronmesh.files" . | fromYamlArray -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "cronmesh.metadata" (dict "root" $root "component" .component) | nindent 2 }}
spec:
  {{- if or (not $values.autoscaling) (eq (dig "autoscaling" "kind" "none" $values) "none") }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    {{- toYaml $values.strategy | nindent 4 }}
  selector:
    matchLabels:
      {{- $selector | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "cronmesh.podLabels" . | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        kubectl.kubernetes.io/default-container: {{ .component }}
        {{- if include "cronmesh.consul.sidecar" $root }}
        checksum/consul-agent: {{ include "cronmesh.consul.agentConfigMapData" $root | sha256sum }}
        {{- end }}
        {{- if eq $root.Values.monitoring.kind "annotations" }}
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .port | quote }}
        prometheus.io/path: /metrics
        {{- if eq $scheme "https" }}
        prometheus.io/scheme: https
        {{- end }}
        {{- end }}
        {{- with merge (dict) $values.podAnnotations $root.Values.commonAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "cronmesh.podSettings" $root | nindent 6 }}
      serviceAccountName: {{ include "cronmesh.serviceAccountName" . }}
      automountServiceAccountToken: {{ .token }}
      terminationGracePeriodSeconds: {{ .grace }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- range . }}
        {{- $default := dict "labelSelector" (dict "matchLabels" ($selector | fromYaml)) }}
        - {{- toYaml (merge (dict) . $default) | nindent 10 }}
        {{- end }}
      {{- end }}
      {{- if or $values.extraInitContainers (include "cronmesh.consul.sidecar" $root) }}
      initContainers:
        {{- with $values.extraInitContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if include "cronmesh.consul.sidecar" $root }}
        {{- include "cronmesh.consul.initContainers" $root | nindent 8 }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .component }}
          image: {{ include "cronmesh.image" (dict "root" $root "image" $root.Values.image) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .program }}]
          env:
            {{- include "cronmesh.env.common" . | trim | nindent 12 }}
            {{- .env | nindent 12 }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- with $values.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: http, containerPort: {{ .port }}, protocol: TCP}
            {{- with .grpc }}
            - {name: grpc, containerPort: {{ . }}, protocol: TCP}
            {{- end }}
          startupProbe:
            httpGet: {path: /healthz, port: http{{ $probe }}}
            {{- toYaml $values.probes.startup | nindent 12 }}
          livenessProbe:
            httpGet: {path: /healthz, port: http{{ $probe }}}
            {{- toYaml $values.probes.liveness | nindent 12 }}
          readinessProbe:
            httpGet: {path: /readyz, port: http{{ $probe }}}
            {{- toYaml $values.probes.readiness | nindent 12 }}
          {{- with .preStop }}
          lifecycle:
            preStop:
              exec: {command: [sleep, {{ . | quote }}]}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- toYaml $root.Values.securityContext | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /var/lib/cronmesh}
            - {name: tmp, mountPath: /tmp}
            {{- if and $root.Values.consul.tls.enabled (not (include "cronmesh.consul.sidecar" $root)) }}
            - {name: consul-tls, mountPath: /consul/tls, readOnly: true}
            {{- end }}
            {{- range $files }}
            - {name: {{ .name }}, mountPath: /etc/cronmesh/{{ .name }}, readOnly: true}
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
        {{- with $values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        - name: data
          emptyDir:
            {{- with $values.dataVolume }}
            sizeLimit: {{ .sizeLimit }}
            {{- else }} {}
            {{- end }}
        - name: tmp
          emptyDir: {}
        {{- include "cronmesh.consul.volumes" $root | nindent 8 }}
        {{- range $files }}
        - name: {{ .name }}
          {{- toYaml .source | nindent 10 }}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}

{{/* What all pods of the release have in common. Takes the root. */}}
{{- define "cronmesh.podSettings" -}}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}
