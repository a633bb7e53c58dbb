"""`python -m tests.chaos`: the fault campaign. Ends with 1 where anything was lost, doubled or left unexplained."""

import argparse
import sys
import time
from pathlib import Path

import uvloop

from tests.chaos.campaign import Outcome, Plan, campaign
from tests.chaos.faults import BY_NAME
from tests.chaos.report import append, spread

MISTAKES = ("no-fence", "ack-before-commit", "blind-commit-retry")
# Each mistake shows under its own kind of harm; a campaign of only that finds it within a few rounds.
SHOWN_BY = {
    "no-fence": ("freeze-with-batch",),
    "ack-before-commit": ("kill-intake",),
    "blind-commit-retry": ("lose-answers",),
}


def say(words: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the campaigns that were asked for."""
    options = _options()
    modes = ("embedded", "kafka") if options.mode == "both" else (options.mode,)
    outcomes: list[Outcome] = []
    for mode in modes:
        faults = tuple(options.faults.split(",")) if options.faults else SHOWN_BY.get(options.mistake, ())
        plan = Plan(
            mode,
            options.rounds,
            options.seed,
            options.rate,
            options.leads_per_round,
            options.mistake or "",
            faults,
            lasts_s=options.minutes * 60,
        )
        outcome = uvloop.run(campaign(plan, say))  # the line to PostgreSQL is half of the harness
        outcomes.append(outcome)
        _tell(outcome)
        if options.report is not None:
            append(options.report, outcome)
    return int(any(outcome.violations for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--mode", choices=("embedded", "kafka", "both"), default="both")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=240, help="a mode begins no round after this")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=15, help="new leads per second")
    parser.add_argument("--leads-per-round", type=int, default=60)
    parser.add_argument("--mistake", choices=MISTAKES, help="run with a mistake built in, which must be found")
    parser.add_argument("--faults", default="", help=f"by round instead of picked, + for at once: {', '.join(BY_NAME)}")
    parser.add_argument("--report", type=Path, help="add a row to this page, such as bench/CHAOS.md")
    options = parser.parse_args()
    if options.mistake == "no-fence" and options.mode != "kafka":
        parser.error("two owners of a lane need two instances: --mode kafka")
    return options


def _tell(outcome: Outcome) -> None:
    plan = outcome.plan
    say(
        f"{plan.mode}, seed {plan.seed}: {outcome.rounds} rounds in {outcome.took_s:.0f} s, {outcome.leads} leads,"
        f" {outcome.events} events, {outcome.tries} requests, {sum(outcome.faults.values())} faults,"
        f" {outcome.commits_cut} commits cut, {outcome.doubts:.0f} in doubt, {outcome.fences:.0f} batches fenced,"
        f" {outcome.repeats_in_log} repeats in the log, healed {spread(outcome.heals_s)} s, quiet {spread(outcome.quiet_s)} s"
    )
    for end in outcome.ends:
        say(f"  {end}")
    for violation in outcome.violations:
        say(f"VIOLATION {violation}")
    if outcome.home is not None:
        say(f"logs, ledger and databases are kept in {outcome.home}")


if __name__ == "__main__":
    sys.exit(main())
