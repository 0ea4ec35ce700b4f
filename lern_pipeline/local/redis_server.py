"""Redis: the system's redis-server, without persistence."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import redis

from lern_pipeline.local.server import LocalStackError


@dataclass(frozen=True)
class RedisServer:
    """The caches' Redis with its sixteen databases."""

    host: str
    port: int
    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Redis"

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """One redis-server on loopback; the caches can be rebuilt, so nothing is written to disk."""
        executable = shutil.which("redis-server")
        if executable is None:
            raise LocalStackError("Redis is not installed (no redis-server found): run script/bootstrap")
        data.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port),
            "bind": ip,
            "dir": str(data),
            "databases": "16",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "set-proc-title": "no",
        }
        return [[executable, *(part for option, value in options.items() for part in (f"--{option}", value))]]

    def answers(self, timeout: float) -> bool:
        """PING."""
        client = redis.Redis(
            host=self.host, port=self.port, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def complete(self) -> str | None:
        """Redis has no schema."""
        return None
