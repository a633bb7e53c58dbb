"""The closed list of metrics. Lag uses the Kafka exporters' names, plus lag in seconds."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BATCHES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000)


@dataclass(slots=True)
class Meters:
    """One process's metrics, on a registry of its own so that tests and processes never share one."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    lag: Gauge = field(init=False)
    lag_seconds: Gauge = field(init=False)
    outbox_records: Gauge = field(init=False)
    outbox_age: Gauge = field(init=False)
    parked: Gauge = field(init=False)
    parked_total: Counter = field(init=False)
    batch_records: Histogram = field(init=False)
    batch_seconds: Histogram = field(init=False)
    repeats: Counter = field(init=False)
    gaps: Counter = field(init=False)
    asks: Counter = field(init=False)
    fence_rejections: Counter = field(init=False)
    commits_in_doubt: Counter = field(init=False)
    clock_lateness: Histogram = field(init=False)
    timers_postponed: Counter = field(init=False)
    loop_lag: Gauge = field(init=False)
    http_requests: Counter = field(init=False)
    door_refused: Counter = field(init=False)
    door_token_refused: Counter = field(init=False)
    door_awaiting: Gauge = field(init=False)
    door_awaiting_age: Gauge = field(init=False)
    door_alarm: Gauge = field(init=False)
    deliveries: Counter = field(init=False)
    rotation_unfairness: Gauge = field(init=False)
    _answers: dict[tuple[str, str, int], Counter] = field(default_factory=dict[tuple[str, str, int], Counter])
    """The counters of answers, found already: looking one up costs more than counting."""

    def __post_init__(self) -> None:
        stream = ["consumergroup", "topic", "partition"]
        r = self.registry
        self.lag = Gauge("kafka_consumergroup_lag", "Records behind the producer", stream, registry=r)
        self.lag_seconds = Gauge(
            "kafka_consumergroup_lag_seconds", "Age of the oldest record not consumed", stream, registry=r
        )
        self.outbox_records = Gauge(
            "baton_outbox_records", "Records that some consumer still needs", ["service"], registry=r
        )
        self.outbox_age = Gauge(
            "baton_outbox_age_seconds", "Since the outbox last turned a generation", ["service"], registry=r
        )
        self.parked = Gauge("baton_parked_records", "Records in the parking lot", ["service"], registry=r)
        self.parked_total = Counter("baton_parked", "Records parked", ["service"], registry=r)
        self.batch_records = Histogram(
            "baton_batch_records", "Records a batch", ["service"], buckets=_BATCHES, registry=r
        )
        self.batch_seconds = Histogram("baton_batch_seconds", "Seconds a batch", ["service"], registry=r)
        self.repeats = Counter("baton_repeats", "Records dropped by the sequence filter", ["service"], registry=r)
        self.gaps = Counter("baton_gaps", "Gaps noticed", ["service"], registry=r)
        self.asks = Counter("baton_rewind_requests", "Rewinds asked for", ["service"], registry=r)
        self.fence_rejections = Counter(
            "baton_fence_rejections", "Batches refused by a lane's version", ["service"], registry=r
        )
        self.commits_in_doubt = Counter(
            "baton_commits_in_doubt", "Connections lost during COMMIT", ["service"], registry=r
        )
        self.clock_lateness = Histogram(
            "baton_timer_lateness_seconds", "Fired behind its due instant", ["timer"], registry=r
        )
        self.timers_postponed = Counter(
            "baton_timers_postponed", "Due rows that can't be fired and are tried again later", ["timer"], registry=r
        )
        self.loop_lag = Gauge("baton_loop_lag_seconds", "Event loop lag", registry=r)
        self.http_requests = Counter("baton_http_requests", "Answers begun", ["method", "route", "status"], registry=r)
        self.door_refused = Counter("baton_door_refused", "Submissions refused at a door", ["door", "why"], registry=r)
        self.door_token_refused = Counter(
            "baton_door_token_refused", "Answers not fetched because the vendor refuses the token", ["door"], registry=r
        )
        self.door_awaiting = Gauge(
            "baton_door_awaiting_submissions", "Submissions whose answers are not fetched yet", ["door"], registry=r
        )
        self.door_awaiting_age = Gauge(
            "baton_door_awaiting_seconds", "Age of the oldest submission without its answers", ["door"], registry=r
        )
        self.door_alarm = Gauge(
            "baton_door_alarm", "1 while a door's alarm stands: token, awaiting, silent", ["door", "alarm"], registry=r
        )
        self.deliveries = Counter(
            "baton_deliveries",
            "Webhooks and e-mails tried: sent, failed, dead, cancelled",
            ["kind", "outcome"],
            registry=r,
        )
        self.rotation_unfairness = Gauge(
            "baton_rotation_unfairness", "The greatest |assigned - share| in a team since its last change; at most 1",
            ["team"], registry=r,
        )  # fmt: skip

    def answered(self, method: str, route: str | None, status: int) -> None:
        """An answer began. `route` is a template of the table of routes; of what is not in it the sender chose the words."""
        where = ("-", "-", status) if route is None else (method, route, status)
        counter = self._answers.get(where)
        if counter is None:
            counter = self._answers[where] = self.http_requests.labels(*where[:2], f"{status // 100}xx")
        counter.inc()

    def batch(self, service: str, records: int, seconds: float) -> None:
        """One batch was handled."""
        self.batch_records.labels(service).observe(records)
        self.batch_seconds.labels(service).observe(seconds)
