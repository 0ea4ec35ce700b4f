"""Lets Java see the file system from within a chroot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

#: In a mount namespace of its own the process gets / once more, as a mount. It lies below /dev, because that is a mount
#: already and can be cut off, so that nothing of this is seen outside.
_WITH_ROOT_MOUNTED = """\
mount --make-rprivate /dev && mount --rbind / /dev/shm && exec chroot /dev/shm "$@"
"""


def seeing_the_root(command: Sequence[str]) -> list[str]:
    """The command, changed where / is not a mount: there Java cannot tell any free space, and Cassandra does not start.

    That is so in a plain chroot, which only root can be in; everywhere else the command is returned as it is.
    """
    mounts = Path("/proc/self/mounts")
    if not mounts.exists() or "/" in (line.split()[1] for line in mounts.read_text().splitlines()):
        return list(command)
    if os.geteuid() != 0 or not Path("/dev").is_mount() or not Path("/dev/shm").is_dir():
        return list(command)
    return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", _WITH_ROOT_MOUNTED, "sh", *command]
