"""`make bench`: ours beside their ceilings, one JSON line each."""

import subprocess
import sys

from bench.support import ROOT

RUNS = (
    ["bench.run_ceilings", "--seconds", "5", "fastapi_insert_per_request", "bare_asgi_grouped_unnest"],
    ["bench.ours.intake", "--seconds", "5"],
    ["bench.run_ceilings", "--seconds", "5", "composed_chain"],
    ["bench.ours.pipeline", "embedded"],
    ["bench.ours.pipeline", "kafka"],
    # at half load, as the last run of composed_chain
    ["bench.ours.pipeline", "embedded", "--rate", "500", "--leads", "20000"],
    ["bench.ours.promptness"],
    ["bench.ours.opening"],
    ["bench.ours.flat"],
)


def main() -> int:
    """Run each in turn; how many failed."""
    failed = 0
    for module, *options in RUNS:
        done = subprocess.run([sys.executable, "-m", module, *options], cwd=ROOT, check=False, timeout=600)  # noqa: S603 - our own
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
