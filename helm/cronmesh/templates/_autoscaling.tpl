{{/* The HorizontalPodAutoscaler of a pool. Takes root, component, values. */}}
{{- define "cronmesh.hpa" -}}
{{- $scaling := .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "cronmesh.metadata" (dict "root" .root "component" .component) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "cronmesh.fullname" .root }}-{{ .component }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Pods
      pods:
        metric: {name: cronmesh_worker_saturation}
        target: {type: AverageValue, averageValue: {{ $scaling.saturation | quote }}}
    {{- if $scaling.backlog.enabled }}
    - type: External
      external:
        metric:
          name: cronmesh_triggers_waiting
          {{- with $scaling.backlog.selector }}
          selector:
            matchLabels:
              {{- toYaml . | nindent 14 }}
          {{- end }}
        target: {type: AverageValue, averageValue: {{ $scaling.backlog.perWorker | quote }}}
    {{- end }}
  behavior:
    {{- toYaml $scaling.behavior | nindent 4 }}
{{- end -}}

{{/* KEDA's ScaledObject of a pool. Takes root, component, values. */}}
{{- define "cronmesh.scaledObject" -}}
{{- $root := .root -}}
{{- $scaling := .values.autoscaling -}}
{{- $name := printf "%s-%s" (include "cronmesh.fullname" $root) .component -}}
{{- $milli := trimSuffix "m" $scaling.saturation -}}
{{- $threshold := ternary (divf $milli 1000) $scaling.saturation (hasSuffix "m" $scaling.saturation) -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "cronmesh.metadata" (dict "root" $root "component" .component) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ $name }}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  pollingInterval: {{ $scaling.keda.pollingInterval }}
  cooldownPeriod: {{ $scaling.keda.cooldownPeriod }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml $scaling.behavior | nindent 8 }}
  triggers:
    # Each threshold is for one worker: KEDA divides by their number.
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: {{ $scaling.keda.serverAddress }}
        query: {{ printf "sum(cronmesh_worker_saturation{namespace=%q,pod=~%q})" $root.Release.Namespace (printf "%s-[0-9a-z]+-[0-9a-z]+" $name) | quote }}
        threshold: {{ $threshold | quote }}
      {{- with $scaling.keda.authenticationRef }}
      authenticationRef: {name: {{ . }}}
      {{- end }}
    {{- if $scaling.backlog.enabled }}
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: {{ $scaling.keda.serverAddress }}
        query: {{ printf "max(cronmesh_triggers_waiting{namespace=%q})" $root.Release.Namespace | quote }}
        threshold: {{ $scaling.backlog.perWorker | quote }}
      {{- with $scaling.keda.authenticationRef }}
      authenticationRef: {name: {{ . }}}
      {{- end }}
    {{- end }}
{{- end -}}
