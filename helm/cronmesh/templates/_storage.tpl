{{/* The claim of a StatefulSet's one data volume. Takes persistence. */}}
{{- define "cronmesh.dataClaim" -}}
# Stays when the release is uninstalled.
volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storageClassName }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- end -}}
