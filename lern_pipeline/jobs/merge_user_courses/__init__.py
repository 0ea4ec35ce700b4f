"""merge-user-courses: the course history of one account is merged into another one."""
