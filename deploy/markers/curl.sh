#!/bin/sh
# Sends one deployment event: STATUS=succeeded SERVICE=checkout VERSION=1.4.2 ENVIRONMENT=production sh curl.sh
# STATUS is started, canary, succeeded, rolled_back or failed. A value must not have quotes or backslashes.
set -eu
body=$(cat <<JSON
{"resourceLogs": [{"scopeLogs": [{"logRecords": [{
  "timeUnixNano": "$(date +%s)000000000",
  "eventName": "deployment.${STATUS:?}",
  "attributes": [
    {"key": "service.name", "value": {"stringValue": "${SERVICE:?}"}},
    {"key": "service.version", "value": {"stringValue": "${VERSION:?}"}},
    {"key": "deployment.environment.name", "value": {"stringValue": "${ENVIRONMENT:-}"}},
    {"key": "vcs.ref.head.revision", "value": {"stringValue": "${REVISION:-}"}}
  ]
}]}]}]}
JSON
)
# The token goes by the standard input: every user of a machine can read its command lines.
{ [ -z "${TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$TOKEN"; } |
  curl --config - --fail-with-body --silent --show-error --retry 5 --max-time 30 \
    --header 'Content-Type: application/json' --data "$body" \
    "${OTEL_EXPORTER_OTLP_ENDPOINT:-http://localhost:4318}/v1/logs"
