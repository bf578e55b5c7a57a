{{- define "regent.selector" -}}
app.kubernetes.io/name: regent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "regent.labels" -}}
{{ include "regent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: regent
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "regent.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end }}
{{- end }}
{{- end }}

{{/* Objects that users write: read, their finalizers patched (no subresource of their own), their status patched. */}}
{{- define "regent.rules.objects" -}}
- apiGroups: [regent.dev]
  resources: [redisclusters, redisdatabases, clustercertificates]
  verbs: [get, list, watch, patch]
- apiGroups: [regent.dev]
  resources: [redisclusters/status, redisdatabases/status, clustercertificates/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Secrets are read by name, never listed. Generated passwords and connection Secrets are made and kept right. */}}
{{- define "regent.rules.secrets" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
{{- end }}

{{- define "regent.subject" -}}
- kind: ServiceAccount
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
