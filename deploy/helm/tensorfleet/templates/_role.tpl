{{- define "tensorfleet.name" -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end }}
{{- define "tensorfleet.config" -}}{{ include "tensorfleet.name" . }}-config{{- end }}
{{- define "tensorfleet.secret" -}}{{ .Values.existingSecret | default (printf "%s-secrets" (include "tensorfleet.name" .)) }}{{- end }}
{{- define "tensorfleet.authoritySecret" -}}{{ .Values.existingAuthoritySecret | default (printf "%s-authority" (include "tensorfleet.name" .)) }}{{- end }}
{{- define "tensorfleet.labels" -}}
app.kubernetes.io/name: tensorfleet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels by which one role is found: dict "root" $ "role" "gateway" */}}
{{- define "tensorfleet.selector" -}}
{{ include "tensorfleet.labels" .root }}
tensorfleet.io/role: {{ .role }}
{{- end }}

{{/* What the pods of all roles have in common. */}}
{{- define "tensorfleet.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "tensorfleet.container" -}}
name: tensorfleet
image: "{{ .root.Values.image.registry }}/{{ .role }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
resources: {{- toYaml (index .root.Values .role "resources") | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - configMapRef: {name: {{ include "tensorfleet.config" .root }}}
{{- if ne .role "agent" }}
  - secretRef: {name: {{ include "tensorfleet.secret" .root }}}
{{- end }}
{{- end }}

{{- define "tensorfleet.metadata" -}}
name: {{ include "tensorfleet.name" .root }}-{{ .role }}
labels: {{- include "tensorfleet.selector" . | nindent 2 }}
{{- end }}
