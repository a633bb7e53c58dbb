"""The five services: the one place that imports them."""

import analytics.main
import intake.main
import router.main
import scorer.main
import sla_watcher.main
from shared.runtime.service import Service


def services() -> tuple[Service, ...]:
    """The five, in the order of the flow."""
    return (
        intake.main.service(),
        scorer.main.service(),
        router.main.service(),
        sla_watcher.main.service(),
        analytics.main.service(),
    )


def service(name: str) -> Service:
    """One of the five by name.

    Raises LookupError that names them.
    """
    by_name = {each.name: each for each in services()}
    if name not in by_name:
        raise LookupError(f"there is no service {name!r}; there are {', '.join(by_name)}")
    return by_name[name]
