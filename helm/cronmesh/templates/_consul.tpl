{{/* DNS name of the release's own Consul server. */}}
{{- define "cronmesh.consul.serverHost" -}}
{{- printf "%s-consul-server.%s.svc.%s" (include "cronmesh.fullname" .) .Release.Namespace .Values.clusterDomain -}}
{{- end -}}

{{/* "true" where pods bring their agent. */}}
{{- define "cronmesh.consul.sidecar" -}}
{{- if eq .Values.consul.agent.mode "sidecar" }}true{{ end -}}
{{- end -}}

{{/* "true" where agents have secrets that only their configuration can hold. */}}
{{- define "cronmesh.consul.secrets" -}}
{{- if or .Values.consul.gossip.existingSecret .Values.consul.acl.enabled }}true{{ end -}}
{{- end -}}

{{/* What the sidecars and the server have in common, as JSON. */}}
{{- define "cronmesh.consul.baseConfig" -}}
{{- $config := dict
  "datacenter" .Values.consul.datacenter
  "data_dir" "/consul/data"
  "log_level" .Values.consul.agent.logLevel
  "disable_update_check" true
  "ports" (dict "dns" -1 "grpc" -1 "grpc_tls" -1)
-}}
{{- if .Values.consul.gossip.existingSecret -}}
{{- $_ := set $config "disable_keyring_file" true -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{/* The sidecars' configuration but for its secrets, as JSON. */}}
{{- define "cronmesh.consul.agentConfig" -}}
{{- $tls := .Values.consul.tls -}}
{{- $config := include "cronmesh.consul.baseConfig" . | fromJson -}}
{{- $_ := set $config "server" false -}}
{{- $_ := set $config "client_addr" "127.0.0.1" -}}
{{- $_ := set $config "leave_on_terminate" true -}}
{{- $_ := set $config "retry_interval" "2s" -}}
{{- $_ := set $config "retry_join" (.Values.consul.agent.retryJoin | default (list (include "cronmesh.consul.serverHost" .))) -}}
{{- if .Values.consul.acl.enabled -}}
{{- $_ := set $config "acl" (dict "enabled" true) -}}
{{- end -}}
{{- if $tls.enabled -}}
{{- $defaults := dict "verify_outgoing" true "ca_file" "/consul/tls/ca.crt" -}}
{{- if $tls.certSecret -}}
{{- $_ := set $defaults "cert_file" "/consul/tls/tls.crt" -}}
{{- $_ := set $defaults "key_file" "/consul/tls/tls.key" -}}
{{- end -}}
{{- $_ := set $config "tls" (dict "defaults" $defaults "internal_rpc" (dict "verify_server_hostname" $tls.verifyServerHostname)) -}}
{{- if $tls.autoEncrypt -}}
{{- $_ := set $config "auto_encrypt" (dict "tls" true) -}}
{{- end -}}
{{- end -}}
{{- mergeOverwrite $config .Values.consul.agent.extraConfig | toPrettyJson -}}
{{- end -}}

{{/* The server's configuration but for its secrets, as JSON. */}}
{{- define "cronmesh.consul.serverConfig" -}}
{{- $config := include "cronmesh.consul.baseConfig" . | fromJson -}}
{{- $_ := set $config "server" true -}}
{{- $_ := set $config "bootstrap_expect" 1 -}}
{{- /* Only without sidecars does anyone else speak to its HTTP port. */ -}}
{{- $_ := set $config "client_addr" (ternary "0.0.0.0" "127.0.0.1" (eq .Values.consul.agent.mode "external")) -}}
{{- $_ := set $config "leave_on_terminate" false -}}
{{- $_ := set $config "performance" (dict "raft_multiplier" 1) -}}
{{- $_ := set $config "connect" (dict "enabled" false) -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{/* How a program finds Consul: environment. */}}
{{- define "cronmesh.consul.env" -}}
{{- $consul := .Values.consul -}}
{{- if eq $consul.agent.mode "sidecar" }}
- name: CONSUL_HTTP_ADDR
  value: http://127.0.0.1:8500
{{- else if eq $consul.agent.mode "node" }}
- name: HOST_IP
  valueFrom: {fieldRef: {fieldPath: status.hostIP}}
- name: CONSUL_HTTP_ADDR
  value: {{ printf "%s://$(HOST_IP):%d" $consul.agent.node.scheme (int $consul.agent.node.port) }}
{{- else }}
- name: CONSUL_HTTP_ADDR
  value: {{ $consul.agent.external.address | default (printf "http://%s:8500" (include "cronmesh.consul.serverHost" .)) }}
{{- end }}
{{- if and $consul.tls.enabled (ne $consul.agent.mode "sidecar") }}
- name: NODE_EXTRA_CA_CERTS
  value: /consul/tls/ca.crt
{{- end }}
{{- include "cronmesh.consul.tokenEnv" . }}
{{- end -}}

{{- define "cronmesh.consul.tokenEnv" -}}
{{- with .Values.consul.acl }}
{{- if .enabled }}
- name: CONSUL_HTTP_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .existingSecretKey }}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where the agent's process of a pod is, by flags: the rest is in files. */}}
{{- define "cronmesh.consul.placeEnv" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}

{{/* An init container that writes the secrets as configuration into memory. Takes the root. */}}
{{- define "cronmesh.consul.secretsContainer" -}}
- name: consul-secrets
  image: {{ include "cronmesh.image" (dict "root" . "image" .Values.consul.image) }}
  imagePullPolicy: {{ .Values.consul.image.pullPolicy }}
  command: [sh, /consul/config/secrets.sh, /consul/secrets, /consul/secret-config/secrets.json]
  resources:
    {{- toYaml .Values.consul.agent.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - {name: consul-config, mountPath: /consul/config, readOnly: true}
    - {name: consul-secrets, mountPath: /consul/secrets, readOnly: true}
    - {name: consul-secret-config, mountPath: /consul/secret-config}
{{- end -}}

{{/* The init containers of a pod that brings its agent: the agent is one that goes on running. Takes the root. */}}
{{- define "cronmesh.consul.initContainers" -}}
{{- $tls := .Values.consul.tls -}}
{{- if include "cronmesh.consul.secrets" . }}
{{ include "cronmesh.consul.secretsContainer" . }}
{{- end }}
- name: consul
  image: {{ include "cronmesh.image" (dict "root" . "image" .Values.consul.image) }}
  imagePullPolicy: {{ .Values.consul.image.pullPolicy }}
  # A native sidecar: it is there before the program and ends after it. No preStop, which would end it first.
  restartPolicy: Always
  command: [consul, agent]
  args:
    - -config-file=/consul/config/agent.json
    {{- if include "cronmesh.consul.secrets" . }}
    - -config-file=/consul/secret-config/secrets.json
    {{- end }}
    - -node=$(POD_NAME)
    - -bind=$(POD_IP)
    - -advertise=$(POD_IP)
  env:
    {{- include "cronmesh.consul.placeEnv" . | nindent 4 }}
    {{- include "cronmesh.consul.tokenEnv" . | nindent 4 }}
  ports:
    - {name: serf-tcp, containerPort: 8301, protocol: TCP}
    - {name: serf-udp, containerPort: 8301, protocol: UDP}
  startupProbe:
    # 1 is "no answer"; 2, "no member that this token may see", is one. Its HTTP port is the pod's own.
    exec:
      command: [sh, -c, 'consul members >/dev/null 2>&1; test $? -ne 1']
    {{- toYaml .Values.consul.agent.startupProbe | nindent 4 }}
  resources:
    {{- toYaml .Values.consul.agent.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - {name: consul-data, mountPath: /consul/data}
    - {name: consul-config, mountPath: /consul/config, readOnly: true}
    {{- if include "cronmesh.consul.secrets" . }}
    - {name: consul-secret-config, mountPath: /consul/secret-config, readOnly: true}
    {{- end }}
    {{- if $tls.enabled }}
    - {name: consul-tls, mountPath: /consul/tls, readOnly: true}
    {{- end }}
{{- end -}}

{{/* The Secrets that become the agents' secret configuration. Takes the root. */}}
{{- define "cronmesh.consul.secretVolumes" -}}
- name: consul-secret-config
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: consul-secrets
  projected:
    sources:
      {{- with .Values.consul.gossip }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret }}
          items: [{key: {{ .existingSecretKey }}, path: gossip}]
      {{- end }}
      {{- end }}
      {{- with .Values.consul.acl }}
      {{- if .enabled }}
      - secret:
          name: {{ .existingSecret }}
          items: [{key: {{ .agentTokenKey | default .existingSecretKey }}, path: agent-token}]
      {{- end }}
      {{- end }}
{{- end -}}

{{/* Volumes of a pod that speaks to Consul. Takes the root. */}}
{{- define "cronmesh.consul.volumes" -}}
{{- $tls := .Values.consul.tls -}}
{{- if include "cronmesh.consul.sidecar" . }}
- name: consul-data
  emptyDir: {}
- name: consul-config
  configMap:
    name: {{ include "cronmesh.fullname" . }}-consul-agent
{{- if include "cronmesh.consul.secrets" . }}
{{ include "cronmesh.consul.secretVolumes" . }}
{{- end }}
{{- end }}
{{- if $tls.enabled }}
- name: consul-tls
  projected:
    sources:
      - secret:
          name: {{ $tls.caSecret }}
          items: [{key: {{ $tls.caSecretKey }}, path: ca.crt}]
      {{- if and $tls.certSecret (include "cronmesh.consul.sidecar" .) }}
      - secret:
          name: {{ $tls.certSecret }}
          items:
            - {key: {{ $tls.certSecretKey }}, path: tls.crt}
            - {key: {{ $tls.keySecretKey }}, path: tls.key}
      {{- end }}
{{- end }}
{{- end -}}
