"""An LDAP directory in memory, from which a real Keycloak federates accounts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

from lern_pipeline.local.addresses import free_port
from lern_pipeline.local.jars import fetch
from lern_pipeline.local.java import find_java, java_options

PEOPLE = "ou=people,dc=local"
MANAGER, PASSWORD = "cn=manager", "manager"

#: A line on its input is a request, and a line on its output the answer. It ends with its input, so with the test.
SCRIPT = """\
import com.unboundid.ldap.listener.*;

config = new InMemoryDirectoryServerConfig(new String[] {"dc=local"});
config.setSchema(null);
config.addAdditionalBindCredentials("%(manager)s", "%(password)s");
config.setListenerConfigs(new InMemoryListenerConfig[] {
    InMemoryListenerConfig.createLDAPConfig("local", InetAddress.getByName("127.0.0.1"), %(port)d, null)});
server = new InMemoryDirectoryServer(config);
server.add(new String[] {"dn: dc=local", "objectClass: domain", "dc: local"});
server.add(new String[] {"dn: %(people)s", "objectClass: organizationalUnit", "ou: people"});
server.startListening();
System.out.println("ready");
requests = new BufferedReader(new InputStreamReader(System.in));
while ((request = requests.readLine()) != null) {
    user = request.substring(4);
    dn = "uid=" + user + ",%(people)s";
    if (request.startsWith("add ")) {
        server.add(new String[] {"dn: " + dn, "objectClass: inetOrgPerson", "uid: " + user, "cn: Asha",
            "sn: Rao", "mail: " + user + "@example.org"});
        System.out.println("added");
    } else {
        System.out.println(server.getEntry(dn) != null);
    }
}
System.exit(0);
"""


class Directory:
    """Persons by user id, each Asha Rao with a mail address."""

    def __init__(self, jars: Path, work: Path) -> None:
        """``jars``: where its jars are, or are fetched to; ``work``: an empty directory."""
        fetch("directory", jars, print)
        self.port = free_port()
        script = work / "directory.bsh"
        values = {"manager": MANAGER, "password": PASSWORD, "port": self.port, "people": PEOPLE}
        script.write_text(SCRIPT % values)
        self._process = subprocess.Popen(
            [
                *(str(find_java()), "-Xmx64m", *java_options()),
                *("-cp", f"{jars}/*", "bsh.Interpreter", str(script)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Directory:
        assert self._answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    @property
    def settings(self) -> dict[str, str]:
        """How Keycloak finds it."""
        return {
            "connectionUrl": f"ldap://127.0.0.1:{self.port}",
            "bindDn": MANAGER,
            "bindCredential": PASSWORD,
            "usersDn": PEOPLE,
        }

    def add(self, user: str) -> None:
        """A new person."""
        assert self._asked(f"add {user}") == "added"

    def has(self, user: str) -> bool:
        """Whether the person is there."""
        return self._asked(f"has {user}") == "true"

    def _asked(self, request: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{request}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
