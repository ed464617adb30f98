#!/bin/sh
# A job is made, run on a worker, shows what it printed, and is deleted.
set -eu
PATH=$PATH:/app/bin
cat >/tmp/job.yaml <<JOB
apiVersion: cronmesh.io/v1alpha1
kind: CronJob
metadata: { name: $JOB_NAME, namespace: $JOB_NAMESPACE }
spec:
  schedule: "@manually"
  timeoutSeconds: 60
  executor: { shell: { command: "echo it runs" } }
JOB
end() { cronmesh delete -f /tmp/job.yaml --ignore-not-found; }
trap end EXIT
cronmesh apply -f /tmp/job.yaml
cronmesh trigger "$JOB_NAMESPACE/$JOB_NAME" --follow | tee /tmp/output
grep -q 'it runs' /tmp/output
