"""MongoDB: an independent server that speaks its protocol and keeps everything in memory; for trying out and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from lern_pipeline.local import versions
from lern_pipeline.local.addresses import accepts_connections
from lern_pipeline.local.java import find_java, java_options

#: By default it would be MongoDB 3.6, without array filters.
SCRIPT = """\
import de.bwaldvogel.mongo.*;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
new MongoServer(new MemoryBackend().version(ServerVersion.MONGO_5_0)).bind("%s", %d);
"""


@dataclass(frozen=True)
class MongoServer:
    """The database of Manage Learn."""

    host: str
    port: int
    name: ClassVar[str] = "mongo"
    title: ClassVar[str] = f"MongoDB (mongo-java-server {versions.MONGO_JAVA_SERVER})"

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """A script starts it, since there may be a Java without a compiler."""
        data.mkdir(parents=True, exist_ok=True)
        script = data / "start.bsh"
        script.write_text(SCRIPT % (ip, self.port))
        return [
            [str(find_java()), "-Xmx128m", *java_options(), "-cp", f"{jars}/*", "bsh.Interpreter", str(script)],
        ]

    def answers(self, timeout: float) -> bool:
        """Ping."""
        if not accepts_connections(self.host, self.port):
            return False
        milliseconds = int(timeout * 1000)
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.host, self.port, serverSelectionTimeoutMS=milliseconds, socketTimeoutMS=milliseconds
        )
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        finally:
            client.close()
        return True

    def complete(self) -> str | None:
        """Collections come into being with their first document."""
        return None
