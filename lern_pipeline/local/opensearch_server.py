"""The search cluster: one OpenSearch node in the place of Elasticsearch 7, without access control."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lern_pipeline.local import versions
from lern_pipeline.local.addresses import accepts_connections, free_port
from lern_pipeline.local.chroot import seeing_the_root
from lern_pipeline.local.java import find_java, java_options
from lern_pipeline.local.json_answer import json_answer

LOG4J = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c{1.})%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""

# The node's own threads keep no process alive, hence the last line.
SCRIPT = """\
import org.codelibs.opensearch.runner.OpenSearchRunner;

runner = new OpenSearchRunner();
runner.onBuild(new OpenSearchRunner.Builder() {
    build(number, settings) {
%(settings)s
    }
});
Runtime.getRuntime().addShutdownHook(new Thread(new Runnable() {
    run() { runner.close(); }
}));
runner.build(OpenSearchRunner.newConfigs().basePath(%(data)s).numOfNode(1).clusterName("lern-pipeline-local"));
Thread.currentThread().join();
"""
#: The directory of the one node, as the runner calls it.
NODE = "node_1"


@dataclass(frozen=True)
class OpenSearchServer:
    """The node that has the documents of certificates and course batches."""

    host: str
    port: int
    name: ClassVar[str] = "opensearch"
    title: ClassVar[str] = f"OpenSearch {versions.OPENSEARCH}"

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """A script starts it, since there may be a Java without a compiler; the runner's own main class binds to ports
        of its choice."""
        log4j, script = data / NODE / "config" / "log4j2.properties", data / "start.bsh"
        log4j.parent.mkdir(parents=True, exist_ok=True)
        log4j.write_text(LOG4J)
        settings = {
            "node.name": "local",
            "network.host": ip,
            "http.port": str(self.port),
            "transport.port": str(free_port()),
            "discovery.type": "single-node",
            # A developer's disk may well be fuller than a cluster would want it.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
        }
        lines = [f"        settings.put({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()]
        script.write_text(SCRIPT % {"settings": "\n".join(lines), "data": json.dumps(str(data))})
        command = [
            *(str(find_java()), "-Xmx384m", *java_options()),
            *("-cp", f"{jars}/*", "bsh.Interpreter", str(script)),
        ]
        return [seeing_the_root(command)]

    def answers(self, timeout: float) -> bool:
        """Whether every index can be read and written."""
        if not accepts_connections(self.host, self.port):
            return False
        host = f"[{self.host}]" if ":" in self.host else self.host
        health = f"http://{host}:{self.port}/_cluster/health?wait_for_status=yellow&timeout=1s"
        return "cluster_name" in json_answer(health, timeout)

    def complete(self) -> str | None:
        """Indices come into being with their first document."""
        return None
