#!/usr/bin/env bash
# Runs run.sh, slurm.sbatch and the run part of skypilot.yaml as their services do, but on the
# processor: the benchmark; a job that is requeued, and submitted again under another number,
# after SIGTERM; on the software GPU, a job of two tasks, and two ranks with the variables of ranks.yaml;
# a sweep by an array of four jobs; a SkyPilot task. Needs bin/, and the script that check.sh takes out of
# skypilot.yaml. Prints nothing if all is well.
set -euo pipefail
cd "$(dirname "$0")/.."

export DEVICE=cpu
work=$(mktemp -d)
job=test-$$
trap 'rm -rf "$work" results/slurm-test-"$$"*' EXIT

# fail WHAT: prints WHAT and the output of the last program, and exits.
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

# As docs/cloud.md describes it for a job that is submitted again.
last=$(($(epochs) + 1))
(slurm "$job-again" -resume results/slurm-"$job" -max_epochs "$last") || fail 'the job that was submitted again'
[ "$(epochs)" = "$last" ] || fail "the job that was submitted again ended after $(epochs) epochs, not $last"
grep -q complete results/slurm-"$job"/*/*/result.csv || fail 'the run is not complete'

# A job of two tasks, with stand-ins for Slurm's programs that handle SIGTERM as those of 22.05 do. The
# requeued job has another number of tasks.
mkdir "$work/slurm"
cat >"$work/slurm/srun" <<'SRUN'
#!/usr/bin/env bash
while [[ $1 == --* ]]; do shift; done
export SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=$SLURM_NTASKS SLURM_STEP_NODELIST=localhost
for ((task = 0; task < SLURM_NTASKS; task++)); do
  SLURM_PROCID=$task SLURM_LOCALID=$task "$@" &
  tasks+=($!)
done
trap 'kill -KILL "${tasks[@]}"' TERM
echo "${tasks[@]}" >"$(dirname "$0")/tasks"
status=0
for task in "${tasks[@]}"; do wait "$task" || status=$?; done
exit "$status"
SRUN
cat >"$work/slurm/scancel" <<'SCANCEL'
#!/usr/bin/env bash
[ "$1" = --signal=TERM ] && kill -TERM $(cat "$(dirname "$0")/tasks")
SCANCEL
printf '#!/usr/bin/env bash\necho R\n' >"$work/slurm/squeue"
chmod +x "$work"/slurm/*

if bin/train -devices | grep -q 'software GPU'; then
  job=$job-ranks
  export DEVICE=emu
  PATH=$work/slurm:$PATH SLURM_NTASKS=2 interrupted 0
  PATH=$work/slurm:$PATH SLURM_NTASKS=3 interrupted "$(epochs)"
  [ "$(printf '%s\n' results/slurm-"$job"/*/*/ | wc -l)" = 1 ] || fail 'the requeued job of several tasks began another run'
  grep -q 'ranks .*3, started by srun' "$work/log" || fail 'three tasks are not three ranks'

  ranks=()
  for rank in 1 0; do
    RANK=$rank WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29500 \
      deploy/run.sh train "$work/ranks" -classes 2 -layers 8 -max_epochs 1 -report=false >"$work/log$rank" 2>&1 &
    ranks+=($!)
  done
  for rank in 1 0; do
    cp "$work/log$rank" "$work/log"
    wait "${ranks[1 - rank]}" || fail "rank $rank, started as by ranks.yaml"
  done
  [ "$(cat "$work"/ranks/*/*/result.csv | grep -c complete)" = 1 ] || fail 'two ranks left not one complete run'
  export DEVICE=cpu
  job=test-$$
fi

# The four jobs of an array at the same time, each with its part of eight runs, into one folder. The third is stopped, and all
# are submitted again under another number. The table must be that of an undisturbed sweep.
grid=(-model 'bp,mdfa' -classes '2,3' -layers 8 -max_epochs 6 -seed 0-1 -jobs 1 -report=false)

# array NUMBER FLAGS: starts the jobs of an array.
array() {
  local number=$1
  shift
  tasks=()
  for task in 1 2 3 4; do
    (cd / && SLURM_SUBMIT_DIR=$OLDPWD SLURM_ARRAY_JOB_ID=$number SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=4 \
      exec bash "$work/slurm_script" sweep "${grid[@]}" "$@") >"$work/log$task" 2>&1 &
    tasks+=($!)
  done
}

# ended STATUS...: waits for the jobs of an array, and checks their exit statuses.
ended() {
  local task status
  for task in 1 2 3 4; do
    status=0
    wait "${tasks[task - 1]}" || status=$?
    cp "$work/log$task" "$work/log"
    [ "$status" = "${!task}" ] || fail "job $task of the array ended with $status, not ${!task}"
  done
}

array "$job-array"
for ((i = 0; i < 1200; i++)); do
  if grep -q '^1/2' "$work/log3" || ! kill -0 "${tasks[2]}" 2>/dev/null; then break; fi
  sleep 0.1
done
kill -TERM "${tasks[2]}" 2>/dev/null || true
ended 0 0 130 0
array "$job-more" -out results/slurm-"$job"-array
ended 0 0 0 0
bin/sweep -device cpu "${grid[@]}" -out "$work/whole" >"$work/log" 2>&1 || fail 'a sweep'
for folder in results/slurm-"$job"-array "$work/whole"; do
  bin/report "$folder" -table csv >"$work/$(basename "$folder").csv" 2>"$work/log" || fail 'report -table csv'
done
diff "$work/whole.csv" "$work/slurm-$job-array.csv" >"$work/log" || fail 'the table of the array is not that of a sweep'

# The same task launched twice: the second finds the first one's run.
mkdir "$work/sky"
ln -s "$PWD"/{bin,lib,deploy} "$work/sky"
for _ in 1 2; do
  (cd "$work/sky" && PROGRAM=train FLAGS='-classes 2 -layers 8 -max_epochs 1 -report=false' \
    bash "$OLDPWD/.cache/deploy/skypilot-run.sh" >"$work/log" 2>&1) || fail 'the run part of skypilot.yaml'
done
[ "$(cat "$work"/sky/results/sky/*/*/result.csv | grep -c complete)" = 1 ] || fail 'skypilot.yaml left not one complete run'
