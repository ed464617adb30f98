{{/* What values.schema.json cannot say, with a message that names the value and what to do. */}}
{{- define "cronmesh.validate" -}}
{{- $consul := .Values.consul -}}
{{- if and (not .Values.postgresql.enabled) (not .Values.database.existingSecret) -}}
{{- fail "\n\ndatabase.existingSecret is empty: name a Secret with the connection string of a PostgreSQL (key `url`), or set postgresql.enabled=true to try it out (values-tryout.yaml)" -}}
{{- end -}}
{{- if and .Values.postgresql.enabled .Values.database.existingSecret -}}
{{- fail "\n\ndatabase.existingSecret and postgresql.enabled exclude each other: the first is your PostgreSQL, the second one of this release" -}}
{{- end -}}
{{- if and (eq $consul.agent.mode "sidecar") (not $consul.agent.retryJoin) (not $consul.server.enabled) -}}
{{- fail "\n\nconsul.agent.retryJoin is empty: list the DNS names of your Consul servers, or set consul.server.enabled=true to try it out (values-tryout.yaml)" -}}
{{- end -}}
{{- if and (eq $consul.agent.mode "external") (not $consul.agent.external.address) (not $consul.server.enabled) -}}
{{- fail "\n\nconsul.agent.external.address is empty: give http://host:8500, or set consul.server.enabled=true to try it out" -}}
{{- end -}}
{{- if and $consul.server.enabled (or $consul.tls.enabled $consul.acl.enabled) -}}
{{- fail "\n\nconsul.server.enabled is for trying out and has neither TLS nor ACLs: set consul.tls.enabled and consul.acl.enabled to false, or join your own servers (consul.agent.retryJoin)" -}}
{{- end -}}
{{- if and $consul.tls.enabled (not $consul.tls.caSecret) -}}
{{- fail "\n\nconsul.tls.caSecret is empty: name the Secret with the CA's certificate, or set consul.tls.enabled=false" -}}
{{- end -}}
{{- if and $consul.acl.enabled (not $consul.acl.existingSecret) -}}
{{- fail "\n\nconsul.acl.existingSecret is empty: name the Secret with the token, or set consul.acl.enabled=false" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}
{{- fail "\n\ngateway.parentRefs is empty: name the Gateway that the HTTPRoute belongs to" -}}
{{- end -}}
{{- range $key := list "worker" "kubernetesWorker" -}}
{{- $pool := get $.Values $key -}}
{{- $scaling := $pool.autoscaling -}}
{{- if and $pool.enabled (ne $scaling.kind "none") -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "\n\n%s.autoscaling.minReplicas (%d) is more than maxReplicas (%d)" $key (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (not $scaling.keda.serverAddress) -}}
{{- fail (printf "\n\n%s.autoscaling.keda.serverAddress is empty: give the address of Prometheus, such as http://prometheus.monitoring:9090" $key) -}}
{{- end -}}
{{- end -}}
{{- if and $pool.secretAccess.enabled (not $pool.secretAccess.secrets) (not $pool.secretAccess.configMaps) -}}
{{- fail (printf "\n\n%s.secretAccess is enabled and names nothing: list secrets or configMaps, or set %s.secretAccess.enabled=false" $key $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
