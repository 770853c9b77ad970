#!/usr/bin/env bash
# Checks the files of this folder as far as possible without Docker, Slurm or a cluster, by hadolint,
# yamllint, shellcheck, the schemas of two Kubernetes releases and of Kubeflow's MPI operator, and SkyPilot's
# own parser. These are installed into .cache/deploy. Prints nothing if all is well; needs python3, go and,
# the first time, network. make deploy-check fetches uv, then calls it.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.cache/deploy
bin=$venv/bin
uv=.cache/uv/bin/uv
[ -x "$bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$uv" pip install --quiet --python "$bin/python" --only-binary=:all: --require-hashes -r wheels/deploy.txt
# SkyPilot needs many packages, whose hashes would be 3,000 lines; the date fixes their versions.
"$uv" pip install --quiet --python "$bin/python" --only-binary=:all: --exclude-newer 2026-11-01 skypilot==0.14.1

failed=0
# check WHAT COMMAND...: runs a check, and shows its output only if it fails.
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

# 1.31 is the first release in which every feature of the manifests is stable.
manifests=()
for manifest in deploy/kubernetes/*.yaml; do
  [ "$manifest" = deploy/kubernetes/mpijob.yaml ] || manifests+=("$manifest")
done
for release in 1.31 1.37; do
  check "Kubernetes $release" "$bin/kubernetes-validate" -k "$release" --strict --no-warn "${manifests[@]}"
done

# The schema of an MPIJob is in the operator's Go module, which go checks against its database of sums.
"${GO:-go}" mod download -json github.com/kubeflow/mpi-operator@v0.6.0 >"$venv/mpi-operator.json"
check 'MPI operator' "$bin/python" - "$venv/mpi-operator.json" deploy/kubernetes/mpijob.yaml <<'PYTHON'
import json
import sys
import jsonschema
import yaml

module = json.load(open(sys.argv[1]))
if module["Sum"] != "h1:RzzG03oyQIiHe/SH2k19N+Hp4QkxEsG2l9G1T7US+ys=":
    sys.exit(f"{module['Path']} has another sum, {module['Sum']}")
(definition,) = yaml.load_all(open(module["Dir"] + "/manifests/base/kubeflow.org_mpijobs.yaml"), yaml.CSafeLoader)
(schema,) = (v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == "v2beta1")


def close(part):
    """Refuses fields that the schema does not have, as the API server does."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict) and "additionalProperties" not in part:
            part["additionalProperties"] = False
        for inner in part.values():
            close(inner)


close(schema)
job = yaml.safe_load(open(sys.argv[2]))
errors = list(jsonschema.Draft202012Validator(schema).iter_errors(job))
if errors:
    sys.exit("\n".join(f"{e.json_path}: {e.message}" for e in errors))
replicas = job["spec"]["mpiReplicaSpecs"]
args = replicas["Launcher"]["template"]["spec"]["containers"][0]["args"]
if int(args[args.index("-n") + 1]) != replicas["Worker"]["replicas"] * job["spec"]["slotsPerWorker"]:
    sys.exit("mpirun -n has to start as many ranks as the workers have slots")
PYTHON

# SkyPilot keeps state in the home folder, and reports its use to its makers unless told not to.
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

# The wait for a free node counts in a Job's own deadline, but not in its pod's.
check 'deadline of the Jobs' "$bin/python" - "${manifests[@]}" <<'PYTHON'
import sys
import yaml

for file in sys.argv[1:]:
    for manifest in yaml.safe_load_all(open(file)):
        spec = manifest["spec"]
        if manifest["kind"] != "Job":
            continue
        pod = spec["template"]["spec"]
        if "activeDeadlineSeconds" in spec or "activeDeadlineSeconds" not in pod:
            sys.exit(f"{file}: activeDeadlineSeconds has to be in the pod's template, and not in the Job")
        for variable in pod["containers"][0].get("env", ()):
            if variable["name"] == "WORLD_SIZE" and not int(variable["value"]) == spec["completions"] == spec["parallelism"]:
                sys.exit(f"{file}: completions, parallelism and WORLD_SIZE have to be the same number")
PYTHON

# Everything that is fetched has a digest or a hash, except SkyPilot above, which has a date.
image=$(sed -n 's/^ARG GO=//p' deploy/Dockerfile)
check "skypilot.yaml has another Go than the Dockerfile's $image" grep -qF "docker:$image" deploy/skypilot.yaml
if grep -nE '^ARG (GO|CUDA|DEBIAN)=' deploy/Dockerfile | grep -vE '@sha256:[0-9a-f]{64}$' ||
  git grep -niE 'pip[")]? (install|download) ' -- Makefile deploy | grep -vE -e '--require-hashes|skypilot==|git grep|--no-deps .*\.cache/wheel/dist/'; then
  echo 'deploy/check.sh: the above is fetched without a digest or a hash' >&2
  failed=1
fi

exit "$failed"
