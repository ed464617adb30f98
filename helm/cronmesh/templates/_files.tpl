{{/*
What a program reads from files: one volume and mount each, as a YAML list of name, directory, source (a pod's volume
without its name). They are whole directories, so that a renewed Secret shows up in them; the program reads them again,
and no pod is restarted. Takes root, program (master, worker, operator).
*/}}
{{- define "cronmesh.files" -}}
{{- $values := .root.Values -}}
{{- $files := list -}}
{{- with include "cronmesh.grpcTls" . | fromYaml -}}
{{- $files = append $files (dict "name" "grpc-tls" "source" .) -}}
{{- end -}}
{{- $http := $values.http.tls -}}
{{- with get $http (printf "%sSecret" .program) -}}
{{- $keys := dict $http.certKey "tls.crt" $http.keyKey "tls.key" -}}
{{- $files = append $files (dict "name" "http-tls" "source" (include "cronmesh.secretSource" (dict "secret" . "keys" $keys) | fromYaml)) -}}
{{- end -}}
{{- if and (eq .program "master") $values.auth.tokensSecret -}}
{{- $keys := dict $values.auth.tokensSecretKey "tokens.yaml" -}}
{{- $files = append $files (dict "name" "auth" "source" (include "cronmesh.secretSource" (dict "secret" $values.auth.tokensSecret "keys" $keys) | fromYaml)) -}}
{{- end -}}
{{- if and (ne .program "worker") $values.database.caSecret -}}
{{- $keys := dict $values.database.caSecretKey "ca.crt" -}}
{{- $files = append $files (dict "name" "database-ca" "source" (include "cronmesh.secretSource" (dict "secret" $values.database.caSecret "keys" $keys) | fromYaml)) -}}
{{- end -}}
{{- with $values.logs.loki -}}
{{- if .caSecret -}}
{{- $keys := dict .caSecretKey "ca.crt" -}}
{{- $files = append $files (dict "name" "loki-ca" "source" (include "cronmesh.secretSource" (dict "secret" .caSecret "keys" $keys) | fromYaml)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* A volume of some keys of a Secret. Takes secret, keys (key in the Secret → name of the file). */}}
{{- define "cronmesh.secretSource" -}}
secret:
  secretName: {{ .secret }}
  items:
    {{- range $key, $path := .keys }}
    - {key: {{ $key | quote }}, path: {{ $path }}}
    {{- end }}
{{- end -}}

{{/*
The volume of a program's certificate for gRPC (tls.crt, tls.key, ca.crt); empty where it has none, or no gRPC. Takes
root, program.
*/}}
{{- define "cronmesh.grpcTls" -}}
{{- $tls := .root.Values.grpc.tls -}}
{{- $volume := get $tls (printf "%sVolume" .program) -}}
{{- if eq .program "operator" -}}
{{- else if $volume -}}
{{- toYaml $volume -}}
{{- else if and (eq .program "master") $tls.masterSecret -}}
{{- include "cronmesh.secretSource" (dict "secret" $tls.masterSecret "keys" (dict $tls.certKey "tls.crt" $tls.keyKey "tls.key" $tls.caKey "ca.crt")) -}}
{{- else if $tls.certManager.issuer -}}
{{- include "cronmesh.certManagerVolume" . -}}
{{- end -}}
{{- end -}}

{{/* A certificate that cert-manager's CSI driver makes for each pod, renews, and forgets with it. Takes root, program. */}}
{{- define "cronmesh.certManagerVolume" -}}
{{- $tls := .root.Values.grpc.tls -}}
csi:
  driver: csi.cert-manager.io
  readOnly: true
  volumeAttributes:
    csi.cert-manager.io/issuer-name: {{ $tls.certManager.issuer }}
    csi.cert-manager.io/issuer-kind: {{ $tls.certManager.kind }}
    csi.cert-manager.io/issuer-group: {{ $tls.certManager.group }}
    {{- with $tls.certManager.duration }}
    csi.cert-manager.io/duration: {{ . }}
    {{- end }}
    {{- if eq .program "master" }}
    csi.cert-manager.io/dns-names: {{ $tls.serverName }}
    csi.cert-manager.io/key-usages: digital signature,key encipherment,server auth
    {{- else }}
    # By it masters know whose reports these are: it is the worker's name.
    csi.cert-manager.io/uri-sans: spiffe://{{ .root.Values.clusterDomain }}/worker/${POD_NAME}
    csi.cert-manager.io/key-usages: digital signature,key encipherment,client auth
    {{- end }}
    {{- with .root.Values.podSecurityContext.fsGroup }}
    csi.cert-manager.io/fs-group: {{ int64 . | quote }}
    {{- end }}
{{- end -}}

{{/* Where a program finds its files: environment. Takes root, program. */}}
{{- define "cronmesh.env.files" -}}
{{- range include "cronmesh.files" . | fromYamlArray }}
{{- $directory := printf "/etc/cronmesh/%s" .name }}
{{- if has .name (list "grpc-tls" "http-tls") }}
{{- $prefix := printf "CRONMESH_%s" (.name | upper | replace "-" "_") }}
- name: {{ $prefix }}_CERT_FILE
  value: {{ $directory }}/tls.crt
- name: {{ $prefix }}_KEY_FILE
  value: {{ $directory }}/tls.key
{{- if eq .name "grpc-tls" }}
- name: {{ $prefix }}_CA_FILE
  value: {{ $directory }}/ca.crt
{{- if eq $.program "worker" }}
- name: {{ $prefix }}_SERVER_NAME
  value: {{ $.root.Values.grpc.tls.serverName }}
{{- end }}
{{- end }}
{{- else if eq .name "auth" }}
- name: CRONMESH_AUTH_TOKENS_FILE
  value: {{ $directory }}/tokens.yaml
{{- else if eq .name "database-ca" }}
- name: CRONMESH_DATABASE_CA_FILE
  value: {{ $directory }}/ca.crt
{{- else }}
- name: CRONMESH_LOGS_LOKI_CA_FILE
  value: {{ $directory }}/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{/* http or https: how a program serves REST, health and metrics. Takes root, program. */}}
{{- define "cronmesh.scheme" -}}
{{- ternary "https" "http" (not (empty (get .root.Values.http.tls (printf "%sSecret" .program)))) -}}
{{- end -}}
