#!/usr/bin/env bash
# Checks the README and docs/: links, flags, and every command by running it; docs/check.py says how.
# Needs python3, git and bin/, which make docs-check builds. A PAGE or PAGE:LINE restricts what runs.
set -euo pipefail
exec "${PYTHON:-python3}" "$(dirname "$0")/check.py" "$@"
