#!/usr/bin/env bash
# Checks the files of this folder with the tools that read them, as far as that goes
# without Docker, Slurm or a cluster: hadolint, shellcheck, yamllint, the Kubernetes
# schemas of two releases and SkyPilot's own parser. They are installed into
# .cache/deploy. Says nothing if all is well; needs python3 and, the first time, network.
# make deploy-check calls it, and fetches uv before.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.cache/deploy
bin=$venv/bin
uv=.cache/uv/bin/uv
[ -x "$bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$uv" pip install --quiet --python "$bin/python" --only-binary=:all: --require-hashes -r wheels/deploy.txt
# SkyPilot brings a hundred packages, whose hashes would be 3,000 lines; the date fixes their versions.
"$uv" pip install --quiet --python "$bin/python" --only-binary=:all: --exclude-newer 2026-11-01 skypilot==0.14.1

failed=0
# check WHAT COMMAND...: runs a check and shows what it says only if it fails.
check() {
  local what=$1 said
  shift
  if ! said=$("$@" 2>&1); then
    printf 'deploy/check.sh: %s:\n%s\n' "$what" "$said" >&2
    failed=1
  fi
}

check hadolint "$bin/hadolint" deploy/Dockerfile

for script in deploy/*.sh deploy/slurm.sbatch experiments/*.sh; do
  check 'bash -n' bash -n "$script"
done
check shellcheck "$bin/shellcheck" deploy/*.sh deploy/slurm.sbatch experiments/*.sh

check yamllint "$bin/yamllint" --strict --config-data \
  '{extends: relaxed, rules: {line-length: disable, key-duplicates: enable}}' \
  deploy/skypilot.yaml deploy/kubernetes

# 1.31 is the first release in which all that the manifests use is stable.
for release in 1.31 1.37; do
  check "Kubernetes $release" "$bin/kubernetes-validate" -k "$release" --strict --no-warn deploy/kubernetes/*.yaml
done

# SkyPilot keeps state in the home folder, and tells its makers of its use unless told not to.
mkdir -p "$venv/home"
check SkyPilot env "HOME=$PWD/$venv/home" SKYPILOT_DISABLE_USAGE_COLLECTION=1 \
  "$bin/python" - deploy/skypilot.yaml "$venv" <<'PYTHON'
import sys
import sky

file, folder = sys.argv[1:]
task = sky.Task.from_yaml(file)
for resources in task.resources:
    if resources.autostop_config.down:
        sys.exit(f"{file}: autostop with down: true destroys the machine with its results")
for part, script in ("setup", task.setup), ("run", task.run):
    with open(f"{folder}/skypilot-{part}.sh", "w") as out:
        out.write("#!/usr/bin/env bash\n" + script)
PYTHON
for part in setup run; do
  check "shellcheck, $part of skypilot.yaml" "$bin/shellcheck" "$venv/skypilot-$part.sh"
done

# The wait for a free node counts in a Job's own deadline, and not in its pod's.
check 'deadline of the Jobs' "$bin/python" - deploy/kubernetes/*.yaml <<'PYTHON'
import sys
import yaml

for file in sys.argv[1:]:
    manifest = yaml.safe_load(open(file))
    spec = manifest["spec"]
    if manifest["kind"] == "Job" and ("activeDeadlineSeconds" in spec or "activeDeadlineSeconds" not in spec["template"]["spec"]):
        sys.exit(f"{file}: activeDeadlineSeconds has to be in the pod's template, and not in the Job")
PYTHON

# Whatever is fetched has a digest or a hash. SkyPilot above has a date.
image=$(sed -n 's/^ARG GO=//p' deploy/Dockerfile)
check "skypilot.yaml has another Go than the Dockerfile's $image" grep -qF "docker:$image" deploy/skypilot.yaml
if grep -nE '^ARG (GO|CUDA|DEBIAN)=' deploy/Dockerfile | grep -vE '@sha256:[0-9a-f]{64}$' ||
  git grep -niE 'pip[")]? (install|download) ' -- Makefile deploy | grep -vE -e '--require-hashes|skypilot==|git grep'; then
  echo 'deploy/check.sh: the above is fetched without a digest or a hash' >&2
  failed=1
fi

exit "$failed"
