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

for script in deploy/run.sh deploy/check.sh deploy/slurm.sbatch; do
  check 'bash -n' bash -n "$script"
done
check shellcheck "$bin/shellcheck" deploy/run.sh deploy/check.sh deploy/slurm.sbatch

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
for part, script in ("setup", task.setup), ("run", task.run):
    with open(f"{folder}/skypilot-{part}.sh", "w") as out:
        out.write("#!/usr/bin/env bash\n" + script)
PYTHON
for part in setup run; do
  check "shellcheck, $part of skypilot.yaml" "$bin/shellcheck" "$venv/skypilot-$part.sh"
done

# What two files pin has to be the same.
for pin in GO CUBLAS_WHEEL; do
  version=$(sed -n "s/^ARG $pin=//p" deploy/Dockerfile)
  check "skypilot.yaml has another $pin than Dockerfile's $version" grep -qF -e ":$version-bookworm" -e "==$version" deploy/skypilot.yaml
done

exit "$failed"
