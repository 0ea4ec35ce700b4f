"""The versions of the local stack's servers; poms/ and deploy/compose.yaml name the same ones.

Redis comes from the system's packages in whatever version they have.
"""

from __future__ import annotations

KAFKA = "4.1.1"
CASSANDRA = "5.0.6"
MONGO_JAVA_SERVER = "1.47.0"
OPENSEARCH = "2.19.1"
KEYCLOAK = "26.4.0"
UNBOUNDID = "7.0.3"
#: Kafka 4.1 needs 17. Cassandra 5.0 is released for 11 and 17 and runs on 21 as well; from 24 on there is no security
#: manager any more, which it installs. Keycloak 26.4 is released for 17 and 21.
JAVA_MINIMUM = 17
JAVA_MAXIMUM = 23
#: Taken first.
JAVA_PREFERRED = 17
