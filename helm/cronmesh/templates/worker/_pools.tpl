{{/* The pools that are on, as a JSON object: key in the values → component. */}}
{{- define "cronmesh.pools" -}}
{{- $pools := dict -}}
{{- range $key, $component := dict "worker" "worker" "kubernetesWorker" "kubernetes-worker" -}}
{{- if (get $.Values $key).enabled }}{{ $_ := set $pools $key $component }}{{ end -}}
{{- end -}}
{{- toJson $pools -}}
{{- end -}}

{{/* "true" where the pods of a pool get a token. Takes root, key. */}}
{{- define "cronmesh.poolToken" -}}
{{- if or (eq .key "kubernetesWorker") (get .root.Values .key).secretAccess.enabled }}true{{ else }}false{{ end -}}
{{- end -}}

{{/* The environment of a pool's workers. Takes root, key. */}}
{{- define "cronmesh.poolEnv" -}}
{{- $values := get .root.Values .key -}}
{{ include "cronmesh.env.worker" $values }}
{{- if and (eq .key "worker") $values.secretAccess.enabled }}
- name: CRONMESH_WORKER_KUBERNETES_ACCESS
  value: "true"
{{- end }}
{{- end -}}
