"""Disks that are full, folders that cannot be written: the real thing, where the machine can make it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "read_only"]

_MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && echo ready && exec cat'


class SmallDisk:
    """A file system in memory, in a mount namespace that goes with a process; a context manager.

    Args:
        place: An empty folder to mount it on.
        size: Bytes that it holds.
    """

    def __init__(self, place: Path, size: int) -> None:
        # Who is not root may mount in a user namespace of his own, where the system allows those.
        namespaces = "--mount" if os.geteuid() == 0 else "--map-root-user"
        line = ["unshare", "--mount", namespaces, "sh", "-c", _MOUNT, "sh", str(size), str(place)]
        try:
            self._holder = subprocess.Popen(line, stdin=-1, stdout=-1, stderr=-1, text=True)
        except FileNotFoundError:
            pytest.skip("no command unshare, which makes a small disk")
        if self._holder.stdout.readline() != "ready\n":
            said = self._holder.communicate()[1].strip()
            pytest.skip(f"this machine mounts no small disk: {said}")
        self.path = Path(f"/proc/{self._holder.pid}/root{place}")

    def __enter__(self) -> SmallDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()

    def free(self) -> int:
        """Return the bytes that are free."""
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Fill the disk with a file, but for so many bytes."""
        with (self.path / "filler").open("ab") as file, contextlib.suppress(OSError):
            while (rest := self.free() - leave) > 0:
                file.write(bytes(min(rest, 1 << 16)))
                file.flush()

    def clear(self) -> None:
        """Delete what filled it."""
        (self.path / "filler").unlink()


@contextlib.contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Let nobody write into folders, root included."""
    is_root = os.geteuid() == 0
    try:
        for folder in folders:
            if is_root:
                _set_immutable(folder, "+i")
            else:
                folder.chmod(0o555)
        yield
    finally:
        for folder in folders:
            if is_root:
                _set_immutable(folder, "-i")
            else:
                folder.chmod(0o755)


def _set_immutable(folder: Path, flag: str) -> None:
    try:
        done = subprocess.run(
            ["chattr", flag, str(folder)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("root writes everywhere, and there is no chattr to change that")
    if done.returncode:
        pytest.skip(f"root writes everywhere, and chattr does not work here: {done.stderr.strip()}")
