"""`python -m baton.fetch_kafka`: have Apache Kafka's jars in place for tests and local distributed runs."""

import os
import sys
from pathlib import Path

from baton.local_kafka_jars import KafkaUnavailableError, fetch

POM_DIR = Path(__file__).parents[3] / "deploy" / "local" / "kafka"
LIB_DIR = POM_DIR / "lib"


def main() -> None:
    """Fetch, once per version; nothing to do where BATON_KAFKA names a broker."""
    if os.environ.get("BATON_KAFKA"):
        return
    try:
        fetch(POM_DIR, LIB_DIR)
    except KafkaUnavailableError as error:
        sys.exit(f"baton: {error}")


if __name__ == "__main__":
    main()
