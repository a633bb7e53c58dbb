"""The commands, put together."""

import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer
import uvloop

from baton.cli import look, operate, people, routing
from baton.cli.backtest import backtest
from baton.cli.backup import backup, restore
from baton.cli.client import console
from baton.cli.policy import policy
from baton.cli.report import report
from baton.settings import Settings
from shared.store.postgres import PostgresError
from shared.telemetry.logs import configure

app = typer.Typer(
    help="Baton hands every lead to the right salesperson, watches the clock, and proves that none was dropped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
app.command("lead")(look.lead)
app.command("audit")(look.audit_command)
app.command("lag")(look.lag)
app.command("report")(report)
app.command("backtest")(backtest)
app.command("what-if")(routing.what_if)
app.command("import")(people.import_file)
app.command("erase")(people.erase)
app.command("demo")(people.demo)
app.command("doctor")(operate.doctor)
app.command("backup")(backup)
app.command("restore")(restore)
app.add_typer(policy, name="policy")
app.add_typer(routing.rep, name="rep")
app.add_typer(operate.parked, name="parked")
app.add_typer(operate.consumers, name="consumers")
app.add_typer(operate.replay, name="replay")
app.add_typer(operate.key, name="key")
app.add_typer(operate.store, name="store")


@app.command()
def up(
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Five processes and a gateway on a local Kafka and PostgreSQL")
    ] = False,
) -> None:
    """Run the whole product on this machine until Ctrl-C."""
    from baton.welcome import welcome, with_story  # noqa: PLC0415

    settings = with_story(Settings())
    configure(settings.log_level, json=not sys.stderr.isatty())
    if distributed:
        from baton.distributed import up as run_distributed  # noqa: PLC0415 - needs Java only here

        _run(run_distributed(settings))
        return
    from baton.embedded import up as run_embedded  # noqa: PLC0415 - loads all five services

    _run(run_embedded(settings, lambda address, token: welcome(settings, address, token)))


@app.command()
def serve(service: Annotated[str, typer.Argument(help="intake, scorer, router, sla-watcher or analytics")]) -> None:
    """Run one service on Kafka and PostgreSQL (BATON_KAFKA, BATON_POSTGRES, BATON_PORT)."""
    from baton.serve import serve as run_service  # noqa: PLC0415 - loads all five services

    settings = Settings()
    configure(settings.log_level)
    _run(run_service(service, settings))


@app.command()
def gateway() -> None:
    """Run the one origin in front of five services (BATON_<SERVICE>_URL, or the ports behind its own)."""
    from baton.gateway import gateway as run_gateway  # noqa: PLC0415

    settings = Settings()
    configure(settings.log_level)
    _run(run_gateway(settings))


@app.command("sign-in")
def sign_in() -> None:
    """Print a link that signs the browser in, once, within a quarter of an hour."""
    from baton.welcome import sign_in_link  # noqa: PLC0415

    settings = Settings()
    console.print(sign_in_link(settings, settings.address), soft_wrap=True, highlight=False)


def _run(running: Coroutine[Any, Any, None]) -> None:
    try:
        uvloop.run(running)
    except PostgresError as error:
        console.print(f"[red]baton:[/red] {error}", highlight=False)
        raise typer.Exit(1) from error


def main() -> None:
    """The console script."""
    app()
