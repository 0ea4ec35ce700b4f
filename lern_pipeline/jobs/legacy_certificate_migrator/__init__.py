"""legacy-certificate-migrator: certificates of the old registry become certificates in Sunbird RC."""
