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
{{- include "cronmesh.validate.tls" . -}}
{{- include "cronmesh.validate.servers" . -}}
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

{{- define "cronmesh.validate.tls" -}}
{{- $grpc := .Values.grpc.tls -}}
{{- if and $grpc.masterSecret $grpc.masterVolume -}}
{{- fail "\n\ngrpc.tls.masterSecret and grpc.tls.masterVolume exclude each other: both hold the masters' certificate" -}}
{{- end -}}
{{- if $grpc.workerVolume.secret -}}
{{- fail "\n\ngrpc.tls.workerVolume is a Secret, which all pods share: a worker's certificate names its pod; give a volume that is made for each pod (csi), or grpc.tls.certManager.issuer" -}}
{{- end -}}
{{- if and (include "cronmesh.pools" . | fromJson) (not $grpc.certManager.issuer) -}}
{{- $masters := or $grpc.masterSecret $grpc.masterVolume -}}
{{- if and $masters (not $grpc.workerVolume) -}}
{{- fail "\n\ngrpc.tls.workerVolume is empty: masters with a certificate take reports from workers with one alone; give workers theirs, or set grpc.tls.certManager.issuer" -}}
{{- end -}}
{{- if and $grpc.workerVolume (not $masters) -}}
{{- fail "\n\ngrpc.tls.masterSecret is empty: workers with a certificate speak to masters with one alone; name the masters' Secret, or set grpc.tls.masterVolume or grpc.tls.certManager.issuer" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.postgresql.enabled .Values.database.caSecret -}}
{{- fail "\n\ndatabase.caSecret is for your own PostgreSQL: that of postgresql.enabled has no TLS" -}}
{{- end -}}
{{- if and .Values.tests.tokenSecret (not .Values.auth.tokensSecret) -}}
{{- fail "\n\ntests.tokenSecret is set and auth.tokensSecret is empty: without tokens REST asks for none" -}}
{{- end -}}
{{- end -}}

{{- define "cronmesh.validate.servers" -}}
{{- with .Values.logs.loki -}}
{{- if not .url -}}
{{- range $key := list "tenant" "credentialsSecret" "caSecret" -}}
{{- if get $.Values.logs.loki $key -}}
{{- fail (printf "\n\nlogs.loki.%s is set and logs.loki.url is empty: say where Loki is, such as https://loki-gateway.loki" $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .caSecret (not (hasPrefix "https://" .url)) -}}
{{- fail (printf "\n\nlogs.loki.caSecret is the CA of an https URL, and logs.loki.url is %s" .url) -}}
{{- end -}}
{{- if and .tokenKey (not .credentialsSecret) -}}
{{- fail "\n\nlogs.loki.credentialsSecret is empty: name the Secret that holds logs.loki.tokenKey" -}}
{{- end -}}
{{- end -}}
{{- with .Values.sources.nacos -}}
{{- if and .credentialsSecret (not .address) -}}
{{- fail "\n\nsources.nacos.credentialsSecret is set and sources.nacos.address is empty: list Nacos servers, such as nacos.nacos:8848" -}}
{{- end -}}
{{- end -}}
{{- end -}}
