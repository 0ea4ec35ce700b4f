"""ml-transfer-ownership: solutions, programs and program roles of Manage Learn go from one user to another."""
