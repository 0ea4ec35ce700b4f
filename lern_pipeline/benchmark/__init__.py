"""The project's own benchmarks: seeded workloads through the product, beside the limits that the stores set."""
