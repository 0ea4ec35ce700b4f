"""The third-party HTTP services, stood in for by one small server that tests and the demo share.

Only the standard library is needed. A service is one module under :mod:`.services`; see there how to add one.
"""
