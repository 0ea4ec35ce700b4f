"""collection-cert-pre-processor: who has earned which certificate (its contract)."""
