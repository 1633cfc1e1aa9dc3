{{/* Name of every object: the release, and the chart unless the release says it. */}}
{{- define "observatory.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "observatory.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "observatory.labels" -}}
{{ include "observatory.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "observatory.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* observatory.yaml: what the user says, before it what the ingress says, and after it what the other templates rely on. */}}
{{- define "observatory.settings" -}}
{{- $assumed := dict -}}
{{- with .Values.ingress -}}
{{- if .enabled -}}
{{- $assumed = dict "hub" (dict "public_url" (printf "%s://%s" (ternary "https" "http" (ne .tls.secretName "")) .host)) -}}
{{- end -}}
{{- end -}}
{{- if include "observatory.alertingPaths" . -}}
{{- $_ := set $assumed "alerting" (dict "directory" "/etc/observatory/alerting") -}}
{{- end -}}
{{- $server := dict "data_dir" "/var/lib/observatory" "listen" "0.0.0.0:8036" "otlp_grpc" "0.0.0.0:4317" "otlp_http" "0.0.0.0:4318" -}}
{{- mergeOverwrite $assumed (deepCopy .Values.settings) (dict "server" $server) | toYaml -}}
{{- end -}}

{{- define "observatory.alerting" -}}
{{- .Values.alerting.existingConfigMap.name | default (printf "%s-alerting" (include "observatory.fullname" .)) -}}
{{- end -}}

{{/* Where each key of that ConfigMap goes below alerting.directory; nothing without files. Of a path, the key is what has dots for slashes:
tenants' names have no dots, so no two paths have the same. */}}
{{- define "observatory.alertingPaths" -}}
{{- range $key, $path := .Values.alerting.existingConfigMap.paths }}
- {key: {{ $key }}, path: {{ $path }}}
{{- end }}
{{- range $path, $_ := .Values.alerting.files }}
- {key: {{ $path | replace "/" "." }}, path: {{ $path }}}
{{- end }}
{{- end -}}

{{- define "observatory.secret" -}}
{{- .Values.existingSecret.name | default (include "observatory.fullname" .) -}}
{{- end -}}

{{/* The variables: each secret by the file that holds it, but for those of channels. */}}
{{- define "observatory.env" -}}
{{- range $key := ternary .Values.existingSecret.keys (keys .Values.secrets | sortAlpha) (ne .Values.existingSecret.name "") }}
{{- if hasPrefix "AWS_" $key }}
- {name: {{ $key }}, valueFrom: {secretKeyRef: {name: {{ include "observatory.secret" $ }}, key: {{ $key }}}}}
{{- else if regexMatch "^[A-Z]" $key }}
- {name: {{ $key }}_FILE, value: /run/secrets/observatory/{{ $key }}}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "observatory.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "observatory.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
