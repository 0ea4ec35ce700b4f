"""The versions of the local stack's servers; the same ones stand in poms/ and deploy/compose.yaml."""

from __future__ import annotations

KAFKA = "4.1.1"
CASSANDRA = "5.0.6"
#: The oldest Redis that will do; Redis itself comes from the system's packages.
REDIS_MAJOR = 6
#: Cassandra 5.0 is released for Java 11 and 17, Kafka 4.1 needs 17.
JAVA_MINIMUM = 17
JAVA_TESTED = (17, 21)
