"""Variables of the micro-batch engine; any of them may be set per job."""

from __future__ import annotations

from lern_pipeline.settings.variable import Area, area, flag, integer, number, text

ENGINE: Area = area(
    "Micro-batches",
    "How every job cuts, keeps and repeats its micro-batches, and how long it waits for the services around it.",
    (
        integer("microbatch.max.records", 50000, "Most records of one micro-batch.", minimum=1),
        integer("microbatch.min.records", 500, "Records of a micro-batch when there is little lag.", minimum=1),
        integer("microbatch.max.bytes", 67108864, "Most bytes of one micro-batch.", minimum=1),
        number("microbatch.max.wait.seconds", 0, "How long a small micro-batch may wait for more records."),
        integer("microbatch.sensor.interval.seconds", 3, "Seconds from one sensor tick to the next.", minimum=1),
        number(
            "microbatch.sensor.watch.seconds",
            25,
            "How long one tick goes on looking at a lane that has nothing to do; 0: one look. Below 50, since Dagster "
            "ends a tick after 60.",
        ),
        text(
            "microbatch.store.url",
            "",
            "Where plans and raw records are kept: a directory or any fsspec URL; empty: `lern_pipeline/batches` "
            "under DAGSTER_HOME.",
        ),
        integer("microbatch.archive.retention.days", 7, "Days that plans and raw records are kept."),
        integer("microbatch.keys.max", 10000, "Partition keys that one job keeps.", minimum=1),
        number("microbatch.backoff.max.seconds", 600, "Longest pause before a failed micro-batch is tried again."),
        number(
            "microbatch.lag.max.seconds",
            600,
            "How long an event may wait before the check `topic_to_table_lag` is red.",
        ),
        integer(
            "failed.events.max",
            10000,
            "How many records of each failed topic, the newest, `failed_events` and `redrive_failed_events` look at.",
            minimum=1,
        ),
        number("microbatch.read.timeout.seconds", 60, "How long reading the records of one micro-batch may stall."),
        integer("cassandra.read.group.size", 25, "Partition keys of one `IN` read.", minimum=1),
        integer("cassandra.concurrency", 64, "Cassandra requests in flight.", minimum=1),
        number("cassandra.request.timeout.seconds", 10, "How long one Cassandra request may take."),
        number(
            "outage.timeout.seconds",
            60,
            "How long one step keeps trying a service that does not answer before the micro-batch fails.",
        ),
        number("http.connect.timeout.seconds", 10, "How long connecting to a service may take."),
        number("http.read.timeout.seconds", 60, "How long a call of a service may take, connecting included."),
        integer("http.attempts", 3, "Attempts of one call before it counts as failed.", minimum=1),
        text(
            "ledger.keyspace",
            "lern_pipeline",
            "Cassandra keyspace of the pipeline's own tables (what was merged or sent must not be done twice); made on "
            "first use.",
        ),
        text(
            "ledger.replication",
            "",
            "Its replication when it is made, as CQL map; empty: that of `lms-cassandra.keyspace`.",
        ),
        integer(
            "ledger.retention.days",
            30,
            "Days that the pipeline remembers what it has sent or issued; longer than any topic keeps its records.",
            minimum=7,
        ),
        integer(
            "effects.concurrency",
            20,
            "Calls in flight that send or issue something (certificates, mails, SMS, push).",
            minimum=1,
        ),
        flag(
            "effects.resend.unknown",
            False,
            "Do again what a crash left claimed but unfinished (mail, SMS, push, certificate) where the service "
            "cannot tell whether it was done; off: it is reported and not repeated.",
        ),
    ),
)
