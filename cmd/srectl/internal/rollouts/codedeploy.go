// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package rollouts

const appspecComment = `AWS CodeDeploy: parts of an AppSpec file; merge the one for your platform into yours. The first document is for EC2 and on-premises, where the script is run
on each instance; the second is for ECS and Lambda, where the hook is the name of a Lambda function whose image has codedeploy-hook.sh, srectl and aws.`

// hookTimeout is how long CodeDeploy waits for a hook, in seconds.
const hookTimeout = deadline

func (r *release) hooksOfInstances() object {
	return object{"hooks": object{"AfterAllowTraffic": []any{object{"location": hookFile, "timeout": hookTimeout}}}}
}

func (r *release) hooksOfFunctions() object {
	return object{"Hooks": []any{object{"AfterAllowTraffic": r.name + "-verify"}}}
}

const hookFile = "codedeploy-hook.sh"

// hookPatience is less than the 15 minutes that a Lambda function has.
const hookPatience = "13m"

// codeDeploy is a script that tells CodeDeploy the verdict: by its exit code, or for ECS and Lambda by a call.
func (r *release) codeDeploy() string {
	return `# AWS CodeDeploy, hook AfterAllowTraffic: the deployment fails, and is rolled back if its group is set so, unless the release passes. A release without enough
# evidence in time fails, too: CodeDeploy knows no third answer.
# The version is $VERSION, or the text of the file VERSION beside this script; without either, it is the newest.
# EC2 and on-premises: the exit code is the answer. ECS and Lambda: call it with DEPLOYMENT_ID and LIFECYCLE_EVENT_HOOK_EXECUTION_ID set to deploymentId and
# lifecycleEventHookExecutionId of the function's event; the answer is sent by aws, which needs codedeploy:PutLifecycleEventHookExecutionStatus.
# OTELCOL_SRE_GATE is the address of the collector's status page, with a user and password if it wants them.
set -eu
folder=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
if [ -z "${VERSION:-}" ] && [ -r "$folder/VERSION" ]; then
  VERSION=$(cat "$folder/VERSION")
fi
code=0
` + r.verify(`"${VERSION:-}"`, hookPatience) + ` || code=$?
if [ -z "${LIFECYCLE_EVENT_HOOK_EXECUTION_ID:-}" ]; then
  exit "$code"
fi
status=Failed
if [ "$code" -eq 0 ]; then
  status=Succeeded
fi
exec aws deploy put-lifecycle-event-hook-execution-status --deployment-id "${DEPLOYMENT_ID:?is not set}" \
  --lifecycle-event-hook-execution-id "$LIFECYCLE_EVENT_HOOK_EXECUTION_ID" --status "$status"
`
}
