"""The story with all its clients. Apart from starting and stopping, which need not wait until Dagster is imported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from dagster import DagsterInstance

from lern_pipeline.local.demo.platform_side import Platform
from lern_pipeline.local.demo.screen import Screen
from lern_pipeline.local.demo.stage import Stage
from lern_pipeline.local.demo.story import CHAIN, Story
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.local.demo.user_side import UserSide
from lern_pipeline.local.demo.watching import LaneWatch
from lern_pipeline.settings import Configuration


def tell(
    run: str,
    configuration: Configuration,
    instance: DagsterInstance,
    third_party: ThirdPartyServices,
    screen: Screen,
    check: Callable[[], None],
) -> None:
    """Tell it; ``check`` is called while something is waited for. The instance is closed afterwards.

    Raises:
        DemoFailed: see :meth:`Story.tell`.
    """
    with ExitStack() as clients:
        clients.enter_context(instance)
        platform = Platform(configuration, third_party)
        clients.callback(platform.close)
        watches = [LaneWatch(job, configuration, instance) for job in CHAIN]
        for watch in watches:
            clients.callback(watch.close)
        users = UserSide(configuration, third_party, instance)
        clients.callback(users.close)
        Story(run, Stage(platform, watches, screen, check), users, instance).tell()
