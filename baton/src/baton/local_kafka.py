"""One Apache Kafka broker on this machine, for `make run-distributed`, the tests and the benches: fetch, start, hurt, stop.

KRaft, a single node, loopback only. The broker never outlives its owner: it runs in its own process group (so that
Ctrl-C reaches the services first) and asks the kernel for SIGKILL when the thread that started it ends
(PR_SET_PDEATHSIG); so start it from a thread that lives as long as the broker shall, in practice the main thread.
"""

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from baton.local_kafka_jars import KafkaUnavailableError, fetch, find_java
from baton.ports import free_port

__all__ = ["Broker", "KafkaUnavailableError", "PortTakenError", "broker", "fetch", "find_java"]

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
PORT_ATTEMPTS = 5
NODE_ID = 1

# Runs between fork and java, in a fresh interpreter: a preexec function is not safe in a process with threads.
BOUND_TO_OWNER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the owner ended before the broker began")
os.execv(sys.argv[2], sys.argv[2:])
"""

LOG4J = """\
status = error
rootLogger.level = info
rootLogger.appenderRefs = file
rootLogger.appenderRef.file.ref = file
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {directory}/kafka.log
appender.file.filePattern = {directory}/kafka.log.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 8MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
"""


class PortTakenError(KafkaUnavailableError):
    """Somebody else bound the chosen port first."""


def _absolute(path: Path) -> Path:
    return path.resolve()


def _cluster_id() -> str:
    return "B" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:22]


def _properties(data_dir: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data_dir / "log",
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After SIGKILL the controller waits for the old registration to expire before it takes the broker back.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


@dataclass
class Broker:
    """A broker process and its data. Every method that starts returns when clients can be served."""

    data_dir: Path
    lib_dir: Path
    java: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise KafkaUnavailableError("The broker is not running")
        return self._process.pid

    @property
    def _console(self) -> Path:
        return self.data_dir / "console.log"

    def _java(self, *arguments: str) -> list[str]:
        log = f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}"
        heap = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-Djava.awt.headless=true"]
        return [str(self.java), *heap, log, "-cp", f"{self.lib_dir}/*", *arguments]

    async def _format(self) -> None:
        if (self.data_dir / "log" / "meta.properties").exists():
            return
        arguments = ("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._config))
        command = self._java(*arguments)
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaUnavailableError(f"The broker's directory could not be formatted:\n{done.stdout}{done.stderr}")

    @property
    def _config(self) -> Path:
        return self.data_dir / "server.properties"

    async def start(self) -> None:
        """Start on the data that is there (formatted first where there is none), on the same port as before."""
        if self._process is not None:
            raise KafkaUnavailableError("The broker already runs")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "log4j2.properties").write_text(LOG4J.format(directory=self.data_dir))
        self._config.write_text(_properties(self.data_dir, self.port, free_port()))
        await self._format()
        self._process = self._spawn()
        try:
            await self._ready(time.monotonic() + START_TIMEOUT_S)
        except BaseException:
            await self.kill()
            raise

    def _spawn(self) -> "subprocess.Popen[bytes]":
        java = self._java("kafka.Kafka", str(self._config))
        command = [sys.executable, "-I", "-c", BOUND_TO_OWNER, str(os.getpid()), *java]
        with self._console.open("wb") as console:
            return subprocess.Popen(  # noqa: S603 - our own command line
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    async def _ready(self, deadline: float) -> None:
        while not await _answers(self.bootstrap, self.port):
            if self._process is None or self._process.poll() is not None:
                raise self._died()
            if time.monotonic() > deadline:
                raise KafkaUnavailableError(
                    f"Kafka did not answer within {START_TIMEOUT_S} s; see {self.data_dir}/kafka.log"
                )
            await asyncio.sleep(0.05)
        if self._process is None or self._process.poll() is not None:  # then a stranger answered on our port
            raise self._died()

    def _died(self) -> KafkaUnavailableError:
        log = self.data_dir / "kafka.log"
        tail = (log.read_text(errors="replace")[-3000:] if log.exists() else "") + self._console.read_text(
            errors="replace"
        )
        kind = PortTakenError if "Address already in use" in tail else KafkaUnavailableError
        return kind(f"Kafka ended while it started:\n{tail}")

    async def _end(self, number: signal.Signals, timeout_s: float) -> None:
        if self._process is None:
            return
        process = self._process
        if process.poll() is None:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # a paused broker would never see SIGTERM
        try:
            await asyncio.to_thread(process.wait, timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self._process = None

    async def kill(self) -> None:
        await self._end(signal.SIGKILL, STOP_TIMEOUT_S)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM, STOP_TIMEOUT_S)

    async def wipe(self) -> None:
        """Lose everything: the same address afterwards belongs to an empty cluster with another id."""
        await self.kill()
        await asyncio.to_thread(shutil.rmtree, self.data_dir / "log", ignore_errors=True)
        await self.start()

    def pause(self) -> None:
        """Returns when every thread stands still: SIGSTOP alone lets a JVM's threads run on for a moment."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


async def _answers(bootstrap: str, port: int) -> bool:
    """Whether the node serves metadata and leads every partition it has."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        topics = await admin.describe_topics()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    led = all(part["leader"] == NODE_ID for topic in topics for part in topic["partitions"])
    return led and any(node["node_id"] == NODE_ID for node in cluster["brokers"])


@asynccontextmanager
async def broker(data_dir: Path, lib_dir: Path, *, port: int | None = None) -> AsyncGenerator[Broker]:
    """Run one broker on `data_dir` with the jars of `lib_dir`; existing data is continued. Stops it at the end."""
    java = find_java()
    data_dir, lib_dir = _absolute(data_dir), _absolute(lib_dir)
    for attempt in range(PORT_ATTEMPTS):
        running = Broker(data_dir, lib_dir, java, port or free_port())
        try:
            await running.start()
        except PortTakenError:
            if attempt == PORT_ATTEMPTS - 1:
                raise
            continue
        break
    else:
        raise PortTakenError("No port could be had")
    try:
        yield running
    finally:
        await running.stop()
