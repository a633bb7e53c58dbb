"""`python -m bench.ours.fairness [LEADS]`: a million random leads through the rotation, the bound and caps at each."""

import sys
import time

from tests.support.fairness import played


def main() -> None:
    """Play and print."""
    leads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    began = time.process_time()
    figures = played(leads, 20_261_122)
    seconds = time.process_time() - began
    sys.stdout.write(f"{figures}\n{seconds:.1f} s of CPU, {seconds / leads * 1e6:.1f} us a lead\n")


if __name__ == "__main__":
    main()
