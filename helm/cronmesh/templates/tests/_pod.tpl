{{/* A pod of `helm test` that failed stays, so that its log can be read. Takes its weight. */}}
{{- define "cronmesh.test.annotations" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-output-log-policy: hook-failed,hook-succeeded
{{- end -}}

{{/* Runs a script of files/tests with the image's own command line. Takes root, script. */}}
{{- define "cronmesh.test.pod" -}}
{{- $http := .root.Values.http.tls -}}
{{- $ca := and $http.masterSecret $http.caKey -}}
{{- include "cronmesh.podSettings" .root }}
automountServiceAccountToken: false
restartPolicy: Never
activeDeadlineSeconds: 180
containers:
  - name: test
    image: {{ include "cronmesh.image" (dict "root" .root "image" .root.Values.image) }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [sh, {{ printf "/tests/%s" .script }}]
    env:
      - name: CRONMESH_SERVER
        value: {{ include "cronmesh.masterUrl" .root }}
      - name: JOB_NAMESPACE
        value: {{ .root.Values.tests.jobNamespace }}
      - name: JOB_NAME
        value: {{ printf "%s-helm-test" .root.Release.Name | trunc 52 }}
      {{- if $ca }}
      - name: CRONMESH_CACERT
        value: /etc/cronmesh/http-ca/ca.crt
      {{- end }}
      {{- with .root.Values.tests.tokenSecret }}
      {{- include "cronmesh.env.secret" (list "CRONMESH_TOKEN" . $.root.Values.tests.tokenSecretKey) | nindent 6 }}
      {{- end }}
    resources:
      {{- toYaml .root.Values.tests.resources | nindent 6 }}
    securityContext:
      {{- toYaml .root.Values.securityContext | nindent 6 }}
    volumeMounts:
      - {name: tests, mountPath: /tests, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- if $ca }}
      - {name: http-ca, mountPath: /etc/cronmesh/http-ca, readOnly: true}
      {{- end }}
volumes:
  - name: tests
    configMap:
      name: {{ include "cronmesh.fullname" .root }}-tests
  - name: tmp
    emptyDir: {}
  {{- if $ca }}
  - name: http-ca
    {{- include "cronmesh.secretSource" (dict "secret" $http.masterSecret "keys" (dict $http.caKey "ca.crt")) | nindent 4 }}
  {{- end }}
{{- end -}}
