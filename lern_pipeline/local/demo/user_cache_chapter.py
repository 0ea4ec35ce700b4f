"""A learner's hash: made when they sign up, made anew when they move, and once more from Cassandra when it is lost."""

from __future__ import annotations

from collections.abc import Callable

from lern_pipeline.jobs.user_cache_indexer.consistency import differences
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_cache_updater.state import registered_producers
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.stage import Stage
from lern_pipeline.local.demo.user_side import UserSide
from lern_pipeline.local.demo.users import FIRST_HOME, SECOND_HOME, moved, signed_up

Hash = dict[str, str]

#: Wide, and said by `usertype` and `usersubtype`.
NOT_SHOWN = "profileusertypes"


class UserCacheChapter:
    """Of one learner."""

    def __init__(self, stage: Stage, users: UserSide, user_id: str) -> None:
        self._stage = stage
        self._users = users
        self._user_id = user_id
        self.watch = stage.watch(USER_CACHE_UPDATER)
        self._producer = min(registered_producers(self.watch.settings))

    def sign_up(self) -> Callable[[], bool]:
        """Sends the first events; returns the question whether they are done."""
        self._users.prepare()
        self._users.lives_in(self._user_id, FIRST_HOME)
        return self._stage.send(self.watch, signed_up(self._user_id, self._producer))

    def move(self) -> None:
        """Tells of the move and of the rebuild.

        Raises:
            DemoFailed: a hash is not what it should be.
        """
        screen, users, user_id = self._stage.screen, self._users, self._user_id
        screen.heading(f"{user_id} moves from {FIRST_HOME.places['state']} to {SECOND_HOME.places['state']}")
        before = users.hash_of(user_id)
        users.lives_in(user_id, SECOND_HOME)
        self._stage.publish(self.watch, moved(user_id, self._producer), "waiting for the user cache")
        after = users.hash_of(user_id)
        users.lose_hash(user_id)
        screen.line(f"user:{user_id} is deleted from Redis, as if it had been lost")
        bucket, found = users.rebuild_bucket_of(user_id)
        screen.line(
            f"user_cache_indexer {bucket}: users of the bucket: {found['users_selected']}, hashes written: "
            f"{found['users_written']}, in {found['seconds']:.2f} s"
        )
        rebuilt = users.hash_of(user_id)
        wrong = wrong_hashes(before, after, rebuilt)
        if wrong:
            raise DemoFailed("; ".join(wrong))
        columns = (before, after, rebuilt)
        names = sorted({name for fields in columns for name, value in fields.items() if value} - {NOT_SHOWN})
        screen.columns(
            [
                (f"user:{user_id}", "before", "after", "from Cassandra"),
                *((name, *(fields.get(name) or "–" for fields in columns)) for name in names),
            ]
        )


def wrong_hashes(before: Hash, after: Hash, rebuilt: Hash) -> list[str]:
    """What is not as it must be: the hash follows the learner, and what Cassandra gives is the same."""
    lines = [
        f"{name} is {fields.get(name)!r} {when} the move, not {home.places.get(name)!r}"
        for when, fields, home in (("before", before, FIRST_HOME), ("after", after, SECOND_HOME))
        for name in FIRST_HOME.places
        if fields.get(name) != home.places.get(name)
    ]
    return lines + [f"{field} of the rebuilt hash: {kind}" for field, kind in differences(after, rebuilt)]
