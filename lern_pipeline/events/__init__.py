"""Envelopes, decoding and failed records: what travels on the topics, without any client library."""
