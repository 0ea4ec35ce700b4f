"""ml-user-delete: personal data of deleted users is masked in the documents of Manage Learn."""
