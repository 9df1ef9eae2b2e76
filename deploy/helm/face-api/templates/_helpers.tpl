{{/* The name of everything that belongs to a release. */}}
{{- define "face-api.name" -}}
{{- if contains "face-api" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-face-api" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "face-api.selector" -}}
app.kubernetes.io/name: face-api
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "face-api.labels" -}}
{{ include "face-api.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Of every pod: nobody is root, and nobody talks to the cluster. */}}
{{- define "face-api.pod" -}}
{{- with .Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
# The pause container reaps what programs leave behind: `init: true` of compose.yml.
shareProcessNamespace: true
# A service named face-api would set FACE_API_PORT to a URL in every pod.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Of every container: it can't write to its own files, and has no capability. */}}
{{- define "face-api.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* In memory: no part of a picture touches a disk of a node. */}}
{{- define "face-api.tmp" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- end }}

{{- define "face-api.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Pods of one kind on different nodes, where there are enough. */}}
{{- define "face-api.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "face-api.selector" . | nindent 8 }}
{{- end }}

{{/* Settings that are no secrets; each pod begins anew when they change. */}}
{{- define "face-api.settings" -}}
FACE_API_MODEL: {{ .Values.weights.model | quote }}
FACE_API_WEIGHTS_DIR: /weights
FACE_API_S3_BUCKET: {{ .Values.s3.bucket | quote }}
FACE_API_S3_REGION: {{ .Values.s3.region | quote }}
{{- with .Values.s3.publicEndpoint }}
FACE_API_S3_PUBLIC_ENDPOINT: {{ . | quote }}
{{- end }}
{{- if not .Values.s3.endpoint }}
FACE_API_STORAGE_ENABLED: "false"
{{- end }}
{{- with .Values.metrics.port }}
FACE_API_METRICS_PORT: {{ . | quote }}
FACE_API_METRICS_HOST: 0.0.0.0
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "face-api.settings-of" -}}
envFrom:
  - configMapRef: {name: {{ include "face-api.name" . }}}
{{- end }}

{{- define "face-api.redis" -}}
- name: FACE_API_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.redis.name }}, key: {{ .Values.secrets.redis.urlKey }}}}
{{- end }}

{{- define "face-api.database" -}}
- name: FACE_API_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.database.name }}, key: {{ .Values.secrets.database.urlKey }}}}
{{- end }}

{{/* A worker's own role, where there is one. */}}
{{- define "face-api.worker-database" -}}
{{- with .Values.secrets.workerDatabase }}
{{- if .name }}
- name: FACE_API_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .urlKey }}}}
{{- else }}
{{- include "face-api.database" $ }}
{{- end }}
{{- end }}
{{- end }}

{{/* The endpoint goes along with its keys: a program that has one of them alone refuses to start. */}}
{{- define "face-api.s3" -}}
{{- if .Values.s3.endpoint }}
- name: FACE_API_S3_ENDPOINT
  value: {{ .Values.s3.endpoint | quote }}
- name: FACE_API_S3_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.s3.name }}, key: {{ .Values.secrets.s3.accessKey }}}}
- name: FACE_API_S3_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.s3.name }}, key: {{ .Values.secrets.s3.secretKey }}}}
{{- end }}
{{- end }}

{{- define "face-api.admin" -}}
- name: FACE_API_ADMIN_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.secrets.admin.name }}, key: {{ .Values.secrets.admin.passwordKey }}}}
{{- end }}

{{- define "face-api.webhook" -}}
{{- with .Values.secrets.webhook }}
{{- if .name }}
- name: FACE_API_WEBHOOK_SECRET
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .secretKey }}}}
{{- end }}
{{- end }}
{{- end }}

{{- define "face-api.oidc" -}}
{{- with .Values.secrets.oidc }}
{{- if .name }}
- name: FACE_API_OIDC_CLIENT_SECRET
  valueFrom: {secretKeyRef: {name: {{ .name }}, key: {{ .secretKey }}}}
{{- end }}
{{- end }}
{{- end }}

{{/* The port of a program's numbers: web's, the worker's next to it, and that of maintenance. */}}
{{- define "face-api.metrics-port" -}}
{{- $after := dict "web" 0 "worker" 1 "maintenance" 2 }}
{{- if and .root.Values.metrics.port (hasKey $after .component) -}}
- {name: metrics, containerPort: {{ add .root.Values.metrics.port (get $after .component) }}}
{{- end }}
{{- end }}

{{/* That Redis can be reached is all that can be asked of maintenance and beat. */}}
{{- define "face-api.reaches-redis" -}}
readinessProbe:
  exec:
    command:
      - python
      - -c
      - import os, redis; redis.Redis.from_url(os.environ['FACE_API_REDIS_URL'].split(',redis')[0]).ping()
  periodSeconds: 30
  timeoutSeconds: 10
{{- end }}
