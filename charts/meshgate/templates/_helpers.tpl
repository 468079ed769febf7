{{- define "meshgate.name" -}}
{{- $name := contains "meshgate" .Release.Name | ternary .Release.Name (printf "%s-meshgate" .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "meshgate.selector" -}}
app.kubernetes.io/name: meshgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "meshgate.labels" -}}
{{ include "meshgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* metadata of an object of the release's namespace */}}
{{- define "meshgate.metadata" -}}
name: {{ include "meshgate.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "meshgate.labels" . | nindent 2 }}
{{- end }}

{{- define "meshgate.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "meshgate.name" .) "default") -}}
{{- end }}

{{- define "meshgate.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{- /* The Secret with tls.crt and tls.key. In self mode, meshgate makes it. */}}
{{- define "meshgate.secret" -}}
{{- eq .Values.tls.mode "secret" | ternary .Values.tls.secret.name (printf "%s-tls" (include "meshgate.name" .)) -}}
{{- end }}

{{- define "meshgate.linkerdNamespace" -}}
{{- dig "linkerd" "controlPlaneNamespace" "linkerd" .Values.config -}}
{{- end }}

{{- /* The hours of a duration such as 720h. */}}
{{- define "meshgate.hours" -}}
{{- trimSuffix "h" . -}}
{{- end }}
