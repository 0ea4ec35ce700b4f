"""Coverage-guided fuzzing of decoding, validation and decisions, on demand; not collected by pytest.

atheris is no dependency of the project and needs a Python that it has wheels for. In an environment of its own:

    uv venv fuzzing --python 3.11
    uv pip install --python fuzzing -e '.[test]' atheris
    fuzzing/bin/python -m lern_pipeline_tests.faults.fuzz_decoding -max_total_time=300 -max_len=4096 [corpus directory]

The first byte chooses the job, or the JSON reader alone; the rest is the record. A finding is an exception that is
not declared, an account that does not balance, or a plan that does not come back as it was stored: libFuzzer writes
the input to ``crash-…`` in the working directory; give that file as the only argument to run it again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["lern_pipeline", "json"]):
    from lern_pipeline.events.lenient_json import InvalidJson, compact_json, parse_lenient
    from lern_pipeline.jobs.all_jobs import ALL_JOBS
    from lern_pipeline_tests.faults.fuzzed_batch import fuzz_settings, run_batch

from lern_pipeline_tests.faults.hostile_records import hostile_records
from lern_pipeline_tests.faults.test_hostile_input import EVENTS

LEAFNODES = frozenset(("do_hostile_c1", "do_hostile_c2"))
SETTINGS = {job.name: fuzz_settings(job) for job in ALL_JOBS}
LARGEST_SEED = 4096


def fuzz(data: bytes) -> None:
    if not data:
        return
    choice, value = data[0] % (len(ALL_JOBS) + 2), data[1:]
    if choice < len(ALL_JOBS):
        job = ALL_JOBS[choice]
        run_batch(job, SETTINGS[job.name], [value], LEAFNODES, statuses={"do_hostile_c1": None})
        return
    text = value.decode(errors="replace")
    if choice == len(ALL_JOBS):
        # The record is the published hierarchy itself.
        job = ALL_JOBS[0]
        event = json.dumps(EVENTS[job.name]).encode()
        run_batch(job, SETTINGS[job.name], [event], LEAFNODES, {"do_hostile": text})
        return
    try:
        read = parse_lenient(text)
    except InvalidJson:
        return
    assert parse_lenient(compact_json(read)) == read


def seeds(directory: Path) -> None:
    """The good event and the hostile kinds of every job, to start from."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, job in enumerate(ALL_JOBS):
        (directory / f"good-{number}").write_bytes(bytes([number]) + json.dumps(EVENTS[job.name]).encode())
        for index, (_, value) in enumerate(hostile_records(EVENTS[job.name], 80, seed=1)):
            if value is not None and len(value) <= LARGEST_SEED:
                (directory / f"hostile-{number}-{index}").write_bytes(bytes([number]) + value)


if __name__ == "__main__":
    corpus = next((Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if corpus is not None and not corpus.is_file():
        seeds(corpus)
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
