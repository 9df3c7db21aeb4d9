# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitors of a Ceph cluster: one connection by librados' bindings, or the `ceph` command where they are absent."""

from __future__ import annotations

import contextlib
import errno
import json
import typing as t
from dataclasses import dataclass

from .model import CephError, Cluster, Plan, Step, Wish, differences, plan, read_cluster

if t.TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import rados
except ImportError:
    rados = None

# Runs a command; returns (rc, stdout, stderr). (Python 3.7 has no Protocol.)
Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]

#: What a run notes in the cluster while the guard against deleting pools is down: what to set it to afterwards.
_NOTE = "openstack_ops.day2/mon_allow_pool_delete"


#: What modules that administer a cluster take to get in; documented in the fragment ceph_admin.
ADMIN_SPEC: dict[str, t.Any] = dict(
    conf=dict(type="path", default="/etc/ceph/ceph.conf"),
    name=dict(type="str", default="client.admin"),
    keyring=dict(type="path", no_log=False),  # a path, no secret
    timeout=dict(type="int", default=5),
)


@dataclass(frozen=True)
class Access:
    """How to get in."""

    conf: str
    name: str
    keyring: str = ""
    timeout: int = 5


class Monitors:
    """The two ways to talk to the monitors have this in common."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def call(self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str]) -> t.Any:
        """Give one command; return its answer, from JSON."""
        rc, out, err = self._send(prefix, arguments, cli)
        if rc:
            raise CephError(f"Ceph refused `{' '.join(cli)}`: {err.strip() or 'error ' + str(rc)}")
        return json.loads(out) if out.strip() else None

    def _send(self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str]) -> tuple[int, str, str]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what the connection holds."""

    # ---------------------------------------------------------------- look
    def read(self) -> Cluster:
        return read_cluster(
            self.call("osd pool ls", {"detail": "detail"}, ("osd", "pool", "ls", "detail")),
            self.call("osd crush rule dump", {}, ("osd", "crush", "rule", "dump")),
            self.call("auth ls", {}, ("auth", "ls")),
        )

    def keys(self, clients: t.Sequence[str]) -> tuple[str, str, dict[str, str]]:
        """The cluster's fsid, its monitors' addresses, and clients' keys; empty for those it doesn't know."""
        fsid = self.call("fsid", {}, ("fsid",))["fsid"]
        known = {row["entity"]: row["key"] for row in self.call("auth ls", {}, ("auth", "ls"))["auth_dump"]}
        monitors = [one["public_addrs"]["addrvec"] for one in self.call("mon dump", {}, ("mon", "dump"))["mons"]]
        each = (",".join(f"{one['type']}:{one['addr']}/{one['nonce']}" for one in addresses) for addresses in monitors)
        return fsid, " ".join(f"[{one}]" for one in each), {client: known.get(client, "") for client in clients}

    # ----------------------------------------------------------------- act
    def apply(self, made: Plan, wish: Wish) -> Cluster:
        """Carry out a plan, and look again."""
        for step in made.steps:
            if step.guarded:
                with self._guard_down():
                    self._do(step)
            else:
                self._do(step)
        found = self.read()
        wrong = differences(found, wish)
        if wrong:
            raise CephError(
                f"{', '.join(wrong)}: not as asked for after all was done; somebody else may be changing the cluster. Run again."
            )
        return found

    def _do(self, step: Step) -> None:
        self.call(step.prefix, step.arguments, step.cli)

    @contextlib.contextmanager
    def _guard_down(self) -> Iterator[None]:
        """mon_allow_pool_delete for one moment. What it was is noted in the cluster, so that after a kill the next run puts it back."""
        before = self._guard()
        self.call("config-key set", {"key": _NOTE, "val": before}, ("config-key", "set", _NOTE, before))
        try:
            self._set_guard("true")
            yield
        finally:
            self._set_guard(before)
            self.call("config-key rm", {"key": _NOTE}, ("config-key", "rm", _NOTE))

    def _guard(self) -> str:
        """The guard as it is set in the cluster's configuration: true, false, or empty where nobody has."""
        rows = self.call("config dump", {}, ("config", "dump"))
        found = [row["value"] for row in rows if row["name"] == "mon_allow_pool_delete" and row["section"] == "mon"]
        return found[0] if found else ""

    def _set_guard(self, value: str) -> None:
        name = "mon_allow_pool_delete"
        if value:
            self.call("config set", {"who": "mon", "name": name, "value": value}, ("config", "set", "mon", name, value))
        else:
            self.call("config rm", {"who": "mon", "name": name}, ("config", "rm", "mon", name))

    def guard_left_down(self) -> bool:
        """Whether a run was killed while the guard was down."""
        return _NOTE in self.call("config-key ls", {}, ("config-key", "ls"))

    def put_guard_back(self) -> None:
        rc, before, _err = self._send("config-key get", {"key": _NOTE}, ("config-key", "get", _NOTE))
        self._set_guard(before.strip() if rc == 0 else "")
        self.call("config-key rm", {"key": _NOTE}, ("config-key", "rm", _NOTE))


class Bindings(Monitors):
    """librados in this process: ten commands cost less than starting `ceph` once."""

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._cluster = connect(access)

    def _send(self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str]) -> tuple[int, str, str]:
        command = json.dumps({"prefix": prefix, "format": "json", **arguments})
        rc, out, err = self._cluster.mon_command(command, b"", timeout=60)
        return rc, out.decode(errors="replace"), err

    def close(self) -> None:
        self._cluster.shutdown()  # without it, librados' threads outlive OpenSSL and abort now and then


class Command(Monitors):
    """A `ceph` process for each command."""

    def __init__(self, access: Access, run: Run) -> None:
        super().__init__(access)
        self._run = run

    def _send(self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str]) -> tuple[int, str, str]:
        access = self._access
        keyring = ["--keyring", access.keyring] if access.keyring else []
        way = ["--connect-timeout", str(access.timeout), "--conf", access.conf, "--name", access.name, *keyring]
        rc, out, err = self._run(["ceph", *way, "--format", "json", *cli])
        if rc == 1 and ("timed out" in err or "Error connecting" in err or "error connecting" in err):
            raise unreachable(access)
        if rc == errno.EACCES or "Permission denied" in err:
            raise denied(access)
        return rc, out, err


def unreachable(access: Access) -> CephError:
    return CephError(
        f"No monitor named in {access.conf} has answered {access.name} within {access.timeout} s; "
        "is mon_host there right, and is the network open (ports 3300 and 6789)?"
    )


def denied(access: Access) -> CephError:
    return CephError(
        f"The cluster of {access.conf} doesn't let {access.name} in: it doesn't know that client, or the key is another's. "
        f"`ceph auth get {access.name}` on a monitor tells."
    )


def connect(access: Access, key: str = "") -> t.Any:
    """Connect by librados, with the key given or that of the keyring; CephError within the time-out."""
    settings = {
        "client_mount_timeout": str(access.timeout),
        "log_to_stderr": "false",
        "log_file": "/dev/null",
        "admin_socket": "",
    }
    if access.keyring:
        settings["keyring"] = access.keyring
    if key:
        settings.update(key=key, keyring="/dev/null")
    try:
        cluster = rados.Rados(conffile=access.conf, name=access.name, conf=settings)
    except rados.ObjectNotFound:
        raise CephError(f"There is no {access.conf} on this host; it tells where the monitors are.") from None
    try:
        cluster.connect(timeout=access.timeout)
    except Exception as exc:
        with contextlib.suppress(Exception):
            cluster.shutdown()
        raise _why(access, exc) from None
    return cluster


def _why(access: Access, exc: Exception) -> CephError:
    if isinstance(exc, rados.TimedOut):
        return unreachable(access)
    if isinstance(exc, (rados.PermissionDeniedError, rados.PermissionError)):
        return denied(access)
    if isinstance(exc, rados.ObjectNotFound):
        # Without a keyring, or with a mon_host that can't be resolved, librados says no more than this.
        where = access.keyring or "the keyring that its configuration names"
        return CephError(
            f"{access.name} can't connect by {access.conf}: there is no key for it in {where}, or no monitor in mon_host."
        )
    return CephError(f"{access.name} can't connect by {access.conf}: {exc}")


def no_way_in(exc: OSError) -> str:
    return (
        f"There are neither librados' Python bindings nor the ceph command on this host ({exc}). Install ceph-common."
    )


@contextlib.contextmanager
def monitors(access: Access, run: Run) -> Iterator[Monitors]:
    """The cluster's monitors, by the better way that is here."""
    found: Monitors = Bindings(access) if rados else Command(access, run)
    try:
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def monitors_of(module: t.Any) -> Iterator[Monitors]:
    """The monitors that a module's ADMIN_SPEC names."""

    def run(args: list[str]) -> tuple[int, str, str]:
        rc, out, err = module.run_command(args, environ_update={"LC_ALL": "C"}, handle_exceptions=False)
        return rc, out, err

    given = module.params
    access = Access(given["conf"], given["name"], given["keyring"] or "", given["timeout"])
    with monitors(access, run) as found:
        yield found


@dataclass(frozen=True)
class Outcome:
    """What a run found, did (or would do) and left."""

    changed: bool
    steps: list[str]
    before: Cluster
    after: Cluster


def bring_about(found: Monitors, wish: Wish, *, check: bool) -> Outcome:
    """Read, plan, refuse or do, look again. In check mode: all but the doing."""
    made = plan(wish, found.read())
    left = found.guard_left_down()
    steps = ["put back the guard against deleting pools, which a killed run had left down"] if left else []
    steps += [step.text for step in made.steps]
    after = made.after
    if not check:
        if left:
            found.put_guard_back()
        if made.changed:
            after = found.apply(made, wish)
    return Outcome(bool(steps), steps, made.before, after)
