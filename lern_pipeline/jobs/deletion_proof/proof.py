"""One proof: some users looked for in every place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.deletion_proof.trace import Look, Trace


@dataclass(frozen=True, slots=True)
class Proof:
    """``not_asked``: place → why it could not tell; ``left_out``: place → why it was not to be asked."""

    users: int
    traces: Sequence[Trace]
    not_asked: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def left(self) -> list[Trace]:
        """What should be gone."""
        return [trace for trace in self.traces if not trace.may_stay]

    @property
    def holds(self) -> bool:
        """Nothing is left that should be gone, and every place that was asked has answered."""
        return not self.left and not self.not_asked


def prove(users: Sequence[str], looks: Mapping[str, Look], left_out: Mapping[str, str]) -> Proof:
    """Look everywhere; a place that does not answer keeps none of the others from being looked into."""
    wanted = list(dict.fromkeys(users))
    traces: list[Trace] = []
    not_asked: dict[str, str] = {}
    for place, look in looks.items():
        try:
            traces += look(wanted) if wanted else ()
        except LernPipelineError as error:
            not_asked[place] = str(error)
    return Proof(len(wanted), sorted(traces), not_asked, left_out)
