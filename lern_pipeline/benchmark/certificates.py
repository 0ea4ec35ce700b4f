"""``lern-pipeline benchmark certificates``: registrations and notifications, some at a time and one at a time.

The third-party services are the tests', as a process of their own, and answer after a fixed time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lern_pipeline.benchmark.certificates_workload import CertificatesWorkload
from lern_pipeline.benchmark.drained import Benchmark, Options, Progress, run
from lern_pipeline.benchmark.store_limits import Read, Reads
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.settings import JobSettings

#: Requests to third parties for each certificate: create, user read, mail, feed entry.
REQUESTS = 4


@dataclass(frozen=True, slots=True)
class CertificateOptions:
    """``latency``: seconds before each answer; ``concurrency``: calls in flight, compared with one; ``runs``: of those
    that make several calls, of which the median counts. One at a time mostly waits: once tells, with a quarter of the
    events."""

    events: int
    latency: float
    concurrency: int
    seed: int
    runs: int = 3


def certificates(options: CertificateOptions, progress: Progress) -> dict[str, Any]:
    """Both runs, on the same services.

    Raises:
        LernPipelineError: a drain failed, or the services did not start.
    """
    with tempfile.TemporaryDirectory(prefix="lern-pipeline-benchmark-") as logs:
        services = ThirdPartyServices(os.environ, Path(logs) / "third-party.log")
        try:
            services.add("registry", {"delay_s": options.latency})
            services.script(_slow_answers(options.latency))
            progress("warming the servers up")
            _rate(services.address, options.concurrency, _drained(options, 1), progress)
            progress("1 at a time")
            few = replace(options, events=max(options.events // 4, 1))
            one = _rate(services.address, 1, _drained(few, 1), progress)
            progress(f"{options.concurrency} at a time")
            at_once = _rate(services.address, options.concurrency, _drained(options, options.runs), progress)
        finally:
            services.stop()
    return {
        "benchmark": "certificates",
        "events": options.events,
        "latency_seconds": options.latency,
        "concurrency": options.concurrency,
        "certificates_per_second": round(at_once, 2),
        "certificates_per_second_one_at_a_time": round(one, 2),
        "ratio": round(at_once / one, 2),
        "share_of_latency_limit": round(at_once * REQUESTS * options.latency / options.concurrency, 3),
    }


def _benchmark(environment: Mapping[str, str]) -> Benchmark:
    return Benchmark(
        "certificates",
        COLLECTION_CERTIFICATE_GENERATOR,
        lambda options, seed, token: CertificatesWorkload(options.events, token),
        _no_reads,
        environment,
    )


def _no_reads(settings: JobSettings) -> Reads:
    def reads(plan: Plan) -> Sequence[Read]:
        """Its limit is the services', not the stores'."""
        return ()

    return reads


def _rate(address: str, concurrency: int, drained: Options, progress: Progress) -> float:
    """Certificates a second."""
    rate: float = run(_benchmark(_environment(address, concurrency)), drained, progress)["events_per_second"]
    return rate


def _drained(options: CertificateOptions, runs: int) -> Options:
    return Options(options.events, options.events, events_per_learner=1, runs=runs, seed=options.seed, limits=False)


def _environment(address: str, concurrency: int) -> dict[str, str]:
    return {
        "LERN_PIPELINE_SERVICE_RC_BASEPATH": f"{address}/rc/api/v1",
        "LERN_PIPELINE_SERVICE_LEARNER_BASEPATH": f"{address}/userorg",
        "LERN_PIPELINE_EFFECTS_CONCURRENCY": str(concurrency),
    }


def _slow_answers(latency: float) -> list[dict[str, Any]]:
    """Of the user and organisation service."""
    profile = {"responseCode": "OK", "result": {"response": {"firstName": "A"}}}
    taken = {"responseCode": "OK", "result": {"response": "SUCCESS"}}
    return [
        {"service": "userorg", "method": "GET", "answer": profile, "delay_s": latency},
        {"service": "userorg", "method": "POST", "answer": taken, "delay_s": latency},
    ]
