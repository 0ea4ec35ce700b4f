"""What is left of deleted users, in every store that this pipeline writes or cleans; and the shredding of what it keeps
for itself."""
