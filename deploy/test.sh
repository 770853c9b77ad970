#!/usr/bin/env bash
# Runs run.sh, slurm.sbatch and the run part of skypilot.yaml as their services do, but on the
# processor: the benchmark; a job that is requeued and then submitted anew under another number
# after each SIGTERM; an array of two jobs; a SkyPilot task. Needs bin/, and the script that check.sh takes out of
# skypilot.yaml. Says nothing if all is well.
set -euo pipefail
cd "$(dirname "$0")/.."

export DEVICE=cpu
work=$(mktemp -d)
job=test-$$
trap 'rm -rf "$work" results/slurm-"$job" results/slurm-"$job"-again results/slurm-"$job"-array' EXIT

# fail WHAT: says it, with what the last program printed.
fail() {
  echo "deploy/test.sh: $1:" >&2
  cat "$work/log" >&2
  exit 1
}

deploy/run.sh bench "$work/bench" -quick -datasets mnist -nets fc -models bp -batch_sizes 64 -time 50ms >"$work/log" 2>&1 ||
  fail 'run.sh bench'
[ -s "$work/bench/bench.json" ] && [ -s "$work/bench/bench.md" ] || fail 'run.sh bench wrote no table'

# slurm NUMBER FLAGS: runs a job as Slurm does, from a copy of the file.
slurm() {
  local number=$1
  shift
  cp deploy/slurm.sbatch "$work/slurm_script"
  cd /
  SLURM_SUBMIT_DIR=$OLDPWD SLURM_JOB_ID=$number exec bash "$work/slurm_script" \
    train -classes 2 -layers 8 -max_epochs 100000 -report=false "$@" >"$work/log" 2>&1
}

# epochs prints how many epochs the job has trained, run by run.
epochs() { cat results/slurm-"$job"/*/*/epochs.csv 2>/dev/null | grep -c '^[0-9]' || true; }

# Ends the job with SIGTERM once it has trained more epochs than $1.
interrupted() {
  local least=$1 pid status=0
  slurm "$job" &
  pid=$!
  for ((i = 0; i < 1200; i++)); do
    if [ "$(epochs)" -gt "$least" ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM "$pid" 2>/dev/null || fail 'the job ended too early'
  wait "$pid" || status=$?
  [ "$status" = 130 ] || fail "the job ended with $status after SIGTERM, not 130"
}

interrupted 0
before=$(epochs)
interrupted "$before"
[ "$(printf '%s\n' results/slurm-"$job"/*/*/ | wc -l)" = 1 ] || fail 'the requeued job began another run'

# As docs/cloud.md has it for a job that is submitted again.
last=$(($(epochs) + 1))
(slurm "$job-again" -resume results/slurm-"$job" -max_epochs "$last") || fail 'the job that was submitted again'
[ "$(epochs)" = "$last" ] || fail "the job that was submitted again ended after $(epochs) epochs, not $last"
grep -q complete results/slurm-"$job"/*/*/result.csv || fail 'the run is not complete'

# The two jobs of an array at the same time: each trains one of two runs, into one folder.
tasks=()
for task in 1 2; do
  (cd / && SLURM_SUBMIT_DIR=$OLDPWD SLURM_ARRAY_JOB_ID=$job-array SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=2 \
    bash "$work/slurm_script" sweep -classes 2 -layers 8 -max_epochs 1 -seed 0-1 -report=false) >"$work/log$task" 2>&1 &
  tasks+=($!)
done
for task in 1 2; do
  cp "$work/log$task" "$work/log"
  wait "${tasks[task - 1]}" || fail "job $task of the array"
done
[ "$(cat results/slurm-"$job"-array/*/*/result.csv | grep -c complete)" = 2 ] || fail 'the array left not two complete runs'

# The same task launched twice: the second finds the first one's run.
mkdir "$work/sky"
ln -s "$PWD"/{bin,lib,deploy} "$work/sky"
for _ in 1 2; do
  (cd "$work/sky" && PROGRAM=train FLAGS='-classes 2 -layers 8 -max_epochs 1 -report=false' \
    bash "$OLDPWD/.cache/deploy/skypilot-run.sh" >"$work/log" 2>&1) || fail 'the run part of skypilot.yaml'
done
[ "$(cat "$work"/sky/results/sky/*/*/result.csv | grep -c complete)" = 1 ] || fail 'skypilot.yaml left not one complete run'
