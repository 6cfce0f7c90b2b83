{{/* Name of the chart, for labels. */}}
{{- define "op-scim.name" -}}
{{- trimSuffix "-" (trunc 63 (default .Chart.Name .Values.nameOverride)) -}}
{{- end -}}

{{/* How the names of all objects begin: the release, and the chart unless the release names it. */}}
{{- define "op-scim.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- trimSuffix "-" (trunc 50 .Values.fullnameOverride) -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- trimSuffix "-" (trunc 50 .Release.Name) -}}
{{- else -}}
{{- trimSuffix "-" (trunc 50 (printf "%s-%s" .Release.Name .Chart.Name)) -}}
{{- end -}}
{{- end -}}

{{/* Chart and version, for a label. */}}
{{- define "op-scim.chart" -}}
{{- trimSuffix "-" (trunc 63 (replace "+" "_" (printf "%s-%s" .Chart.Name .Chart.Version))) -}}
{{- end -}}

{{/* Service account of the bridge. */}}
{{- define "op-scim.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (printf "%s-bridge" (include "op-scim.fullname" .)) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Image of the bridge. */}}
{{- define "op-scim.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" (printf "%s%s" (ternary "" (printf "%s/" .Values.image.registry) (not .Values.image.registry)) .Values.image.repository) .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" (printf "%s%s" (ternary "" (printf "%s/" .Values.image.registry) (not .Values.image.registry)) .Values.image.repository) (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Image of Redis. */}}
{{- define "op-scim.redisImage" -}}
{{- if .Values.redis.image.digest -}}
{{- printf "%s@%s" (printf "%s%s" (ternary "" (printf "%s/" .Values.redis.image.registry) (not .Values.redis.image.registry)) .Values.redis.image.repository) .Values.redis.image.digest -}}
{{- else -}}
{{- printf "%s:%s" (printf "%s%s" (ternary "" (printf "%s/" .Values.redis.image.registry) (not .Values.redis.image.registry)) .Values.redis.image.repository) (default .Chart.AppVersion .Values.redis.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Secret with the scimsession file. */}}
{{- define "op-scim.sessionSecret" -}}
{{- if .Values.session.create -}}
{{- printf "%s-scimsession" (include "op-scim.fullname" .) -}}
{{- else -}}
{{- .Values.session.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* Secret with the password of Redis. */}}
{{- define "op-scim.redisSecret" -}}
{{- default (printf "%s-redis" (include "op-scim.fullname" .)) .Values.redis.password.existingSecret -}}
{{- end -}}
