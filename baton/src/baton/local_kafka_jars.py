"""Kafka's jars and the Java that runs them: found or fetched with Maven, or a message that says what to install."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

MIN_JAVA = 17
FETCH_TIMEOUT_S = 900


class KafkaUnavailableError(RuntimeError):
    """Kafka cannot be fetched or started here; the message says what to install or to set."""


def find_java() -> Path:
    home = os.environ.get("JAVA_HOME")
    candidate = str(Path(home) / "bin" / "java") if home else "java"
    found = shutil.which(candidate)
    advice = f"Kafka needs Java {MIN_JAVA} or newer (Debian: apt install openjdk-17-jre-headless maven), or set BATON_KAFKA=host:port"
    if found is None:
        raise KafkaUnavailableError(f"No Java found. {advice}")
    shown = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - the user's own Java
    version = re.search(r'version "(\d+)', shown)
    if version is None or int(version.group(1)) < MIN_JAVA:
        first_line = shown.splitlines()[0] if shown else "nothing"
        raise KafkaUnavailableError(f"{found} says {first_line!r}. {advice}")
    return Path(found)


@contextmanager
def _exclusive(path: Path) -> Generator[None]:
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def fetch(pom_dir: Path, lib_dir: Path) -> Path:
    """Bring the jars that `pom_dir/pom.xml` pins into `lib_dir`, once; safe to call from many processes."""
    pom = pom_dir / "pom.xml"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    marker = lib_dir / ".fetched"
    lib_dir.mkdir(parents=True, exist_ok=True)
    with _exclusive(lib_dir / ".lock"):
        if marker.exists() and marker.read_text() == digest:
            return lib_dir
        find_java()
        maven = shutil.which("mvn")
        if maven is None:
            raise KafkaUnavailableError(
                "Maven (mvn) is not installed; it fetches Kafka's jars (Debian: apt install maven). "
                "Or set BATON_KAFKA=host:port to use a Kafka that already runs"
            )
        marker.unlink(missing_ok=True)
        for stale in lib_dir.glob("*.jar"):
            stale.unlink()
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib_dir.resolve()}"]
        command = [maven, "-B", "-q", "-f", str(pom), *goal]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise KafkaUnavailableError(f"Maven did not fetch Kafka within {FETCH_TIMEOUT_S} s") from error
        if done.returncode != 0:
            raise KafkaUnavailableError(f"Maven could not fetch Kafka:\n{(done.stdout + done.stderr)[-2000:]}")
        marker.write_text(digest)
    return lib_dir
