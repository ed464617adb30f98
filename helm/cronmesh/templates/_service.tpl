{{/* A headless Service, for what scrapes the pods of a component. Takes root, component, program, port. */}}
{{- define "cronmesh.metricsService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "cronmesh.metadata" (dict "root" .root "component" .component "labels" (dict "cronmesh.io/metrics" "true")) | nindent 2 }}
spec:
  clusterIP: None
  # A pod that is not ready has metrics, too.
  publishNotReadyAddresses: true
  ports:
    - {name: http, port: {{ .port }}, targetPort: http, protocol: TCP, appProtocol: {{ include "cronmesh.scheme" . }}}
  selector:
    {{- include "cronmesh.selectorLabels" . | nindent 4 }}
{{- end -}}
