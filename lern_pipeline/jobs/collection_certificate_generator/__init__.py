"""collection-certificate-generator: a certificate is registered, entered at the enrolment, and told of."""
