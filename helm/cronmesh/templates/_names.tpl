{{/* Short name of the chart. */}}
{{- define "cronmesh.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What the names of all objects begin with: at most 40 characters, so that the longest suffix still fits a label. */}}
{{- define "cronmesh.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Name of an object that is not in the release's namespace: two releases of one name must not meet there. */}}
{{- define "cronmesh.foreignName" -}}
{{- printf "%s-%s" .Release.Namespace (include "cronmesh.fullname" .) -}}
{{- end -}}

{{/* Name of a component's ServiceAccount. Takes root, component, values. */}}
{{- define "cronmesh.serviceAccountName" -}}
{{- if .values.serviceAccount.create -}}
{{- default (printf "%s-%s" (include "cronmesh.fullname" .root) .component) .values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* An image's reference; a digest is stronger than a tag. Takes root, image. */}}
{{- define "cronmesh.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The masters' REST inside the cluster. */}}
{{- define "cronmesh.masterUrl" -}}
{{- printf "%s://%s.%s.svc.%s:%d" (include "cronmesh.scheme" (dict "root" . "program" "master")) (include "cronmesh.fullname" .) .Release.Namespace .Values.clusterDomain (int .Values.master.service.port) -}}
{{- end -}}
