"""What the demo says when it has not worked."""

from __future__ import annotations

from lern_pipeline.errors import LernPipelineError


class DemoFailed(LernPipelineError):
    """Something was lost, or did not happen in time."""
