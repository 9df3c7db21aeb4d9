# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitors of a Ceph cluster: one connection by librados' bindings, or the `ceph` command where they are absent."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shlex
import shutil
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, Run, changed_meanwhile
from .._module import runner
from .caps import same_caps
from .objects import Cluster, DesiredObjects
from .pools import PoolsPlan, Step, differences, empty, plan, read_cluster, uninitialized

if t.TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import rados
except ImportError:
    rados = None

#: Where a run records the previous mon_allow_pool_delete in the cluster while it allows pools to be deleted.
_NOTE = "openstack_ops.day2/mon_allow_pool_delete"


#: Seconds that monitors have to answer a command once we are connected; without a quorum they never do.
_ANSWER_SECONDS = 60
#: Seconds that the OSDs of a new pool have to answer; its PGs are made meanwhile.
_RBD_SECONDS = 120
#: Seconds that a container may take to start.
_START_SECONDS = 60
#: What podman and docker say where there is no such container, where it isn't running, and where there is no daemon.
_NOWHERE = re.compile("no such container|state improper|is not running|docker daemon", re.IGNORECASE)

#: Options of modules that administer a cluster; documented in the fragment ceph_admin.
ADMIN_SPEC: dict[str, t.Any] = dict(
    conf=dict(type="path", default="/etc/ceph/ceph.conf"),
    name=dict(type="str", default="client.admin"),
    keyring=dict(type="path", no_log=False),  # a path, not a secret
    timeout=dict(type="int", default=5),
    command=dict(type="str", default=""),
)


@dataclass(frozen=True)
class Access:
    """How to connect to a cluster. command is what leads to where the ceph command is, such as `cephadm shell --`."""

    conf: str
    name: str
    keyring: str = ""
    timeout: int = 5
    command: tuple[str, ...] = ()

    @property
    def input(self) -> str:
        """What a command reads. `cephadm shell` reads, and what `timeout` starts is stopped where that is a terminal."""
        return "\n" if self.command else ""

    def limited(self, seconds: int) -> list[str]:
        """What a command begins with that must end within seconds; a container has time to start, too."""
        limit = ["timeout", "--kill-after=5", str(seconds)]
        outer = ["timeout", "--kill-after=5", str(seconds + _START_SECONDS)]
        return [*outer, *self.command, *limit] if self.command else limit


@dataclass(frozen=True)
class Keys:
    """The cluster's fsid, its monitors' addresses, clients' keys (empty if unknown) and, by client, all clients with the same caps."""

    fsid: str
    mon_host: str
    keys: t.Mapping[str, str]
    alike: t.Mapping[str, t.Sequence[str]]


class Monitors:
    """What both ways to talk to the monitors have in common."""

    def __init__(self, access: Access, run: Run) -> None:
        self._access = access
        self._run = run

    def call(self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str], monitor: str = "") -> t.Any:
        """Send a command to any monitor or to a named one, and return its parsed JSON answer. Raises OperatorError where Ceph rejects it."""
        rc, out, err = self._send(prefix, arguments, cli, monitor)
        if rc:
            raise OperatorError(f"Ceph rejected `{' '.join(cli)}`: {err.strip() or 'error ' + str(rc)}")
        return json.loads(out) if out.strip() else None

    def _send(
        self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str], monitor: str = ""
    ) -> tuple[int, str, str]:
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""

    def lacks_rbd(self) -> bool:
        """Whether the rbd command is missing where it would be run; unknown in a container, so false."""
        return not self._access.command and not shutil.which("rbd")

    # ---------------------------------------------------------------- look
    def read(
        self, leaving: t.Collection[str] = (), pools: t.Collection[str] = (), profiles: t.Collection[str] = ()
    ) -> Cluster:
        """Read pools, CRUSH rules and clients.

        Of clients to be removed (leaving), also from where they are connected; of the named pools, also whether they need `rbd pool init`; and
        the named erasure-code profiles that exist.
        """
        rows = self.call("osd pool ls", {"detail": "detail"}, ("osd", "pool", "ls", "detail"))
        unused = uninitialized(rows, pools)
        if unused:
            unused = empty(unused, self.call("df", {}, ("df",)))
        found = read_cluster(
            rows,
            self.call("osd crush rule dump", {}, ("osd", "crush", "rule", "dump")),
            self.call("auth ls", {}, ("auth", "ls")),
            unused,
        )
        if profiles:
            found = replace(found, profiles=self.profiles(profiles))
        there = [name for name in leaving if name in found.clients]
        return replace(found, connected=self._connected(there)) if there else found

    def profiles(self, names: t.Collection[str]) -> dict[str, dict[str, str]]:
        """The settings of those of these erasure-code profiles that exist."""
        way = ("osd", "erasure-code-profile")
        known = self.call("osd erasure-code-profile ls", {}, (*way, "ls"))
        return {
            name: self.call("osd erasure-code-profile get", {"name": name}, (*way, "get", name))
            for name in sorted(names)
            if name in known
        }

    def _connected(self, clients: t.Collection[str]) -> dict[str, tuple[str, ...]]:
        """The addresses that clients are connected from. Each monitor knows only its own connections.

        Raises OperatorError if a monitor doesn't answer.
        """
        found: dict[str, set[str]] = {name: set() for name in clients}
        for monitor in self.call("mon dump", {}, ("mon", "dump"))["mons"]:
            name = monitor["name"]
            try:
                rows = self.call("sessions", {}, ("tell", f"mon.{name}", "sessions"), name)
            except OperatorError as exc:
                raise OperatorError(
                    f"mon.{name} doesn't list its sessions, so it is unknown whether {', '.join(sorted(clients))} can be removed: {exc}"
                ) from None
            for row in rows:
                if row["entity_name"] in found:
                    found[row["entity_name"]].add(row["socket_addr"]["addr"].rpartition(":")[0])
        return {name: tuple(sorted(where)) for name, where in found.items()}

    def keys(self, clients: t.Sequence[str]) -> Keys:
        fsid = self.call("fsid", {}, ("fsid",))["fsid"]
        monitors = [one["public_addrs"]["addrvec"] for one in self.call("mon dump", {}, ("mon", "dump"))["mons"]]
        each = (",".join(f"{one['type']}:{one['addr']}/{one['nonce']}" for one in addresses) for addresses in monitors)
        # Reading keys needs more rights than the rest.
        rows = self.call("auth ls", {}, ("auth", "ls"))["auth_dump"] if clients else []
        known = {row["entity"]: row for row in rows if row["entity"].startswith("client.")}
        alike = {
            client: sorted(name for name, row in known.items() if same_caps(row["caps"], known[client]["caps"]))
            for client in clients
            if client in known
        }
        keys = {client: known[client]["key"] if client in known else "" for client in clients}
        return Keys(fsid, " ".join(f"[{one}]" for one in each), keys, alike)

    # ----------------------------------------------------------------- act
    def apply(self, made: PoolsPlan, desired: DesiredObjects) -> Cluster:
        """Carry out a plan and read the cluster again. Raises OperatorError if it still differs."""
        for step in made.steps:
            if step.guarded:
                with self._guard_down():
                    self._do(step)
            else:
                self._do(step)
        found = self.read(pools=desired.names[0], profiles=desired.profile_names)
        wrong = differences(found, desired)
        if wrong:
            raise changed_meanwhile(", ".join(wrong))
        return found

    def _do(self, step: Step) -> None:
        if step.program == "rbd":
            self._rbd(step)
        else:
            self.call(step.prefix, step.arguments, step.cli)

    def _rbd(self, step: Step) -> None:
        access = self._access
        way = ["--conf", access.conf, "--name", access.name, *(["--keyring", access.keyring] if access.keyring else [])]
        limit = access.limited(_RBD_SECONDS)
        rc, _out, err = self._run([*limit, step.program, *way, *step.cli], access.input)
        if rc in (124, 137):
            raise OperatorError(
                f"Couldn't {step.text} within {_RBD_SECONDS} s: its OSDs don't answer; its PGs may be inactive (ceph pg dump_stuck, ceph osd tree). "
                "Run again when they are active."
            )
        if rc:
            why = " ".join(err.split())[-300:] or f"error {rc}"
            raise OperatorError(
                f"Couldn't {step.text}: `{step.program} {' '.join(step.cli)}` as {access.name} said: {why}. Run again."
            )

    @contextlib.contextmanager
    def _guard_down(self) -> Iterator[None]:
        """Allow deleting pools for a moment. The previous value is recorded in the cluster, so that the next run restores it if this one is killed."""
        before = self._guard()
        self.call("config-key set", {"key": _NOTE, "val": before}, ("config-key", "set", _NOTE, before))
        try:
            self._set_guard("true")
            yield
        finally:
            self._set_guard(before)
            self.call("config-key rm", {"key": _NOTE}, ("config-key", "rm", _NOTE))

    def _guard(self) -> str:
        """mon_allow_pool_delete in the cluster's configuration: true, false, or empty if it isn't set."""
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
        """Whether a run was killed while pools could be deleted."""
        return _NOTE in self.call("config-key ls", {}, ("config-key", "ls"))

    def put_guard_back(self) -> None:
        rc, before, _err = self._send("config-key get", {"key": _NOTE}, ("config-key", "get", _NOTE))
        self._set_guard(before.strip() if rc == 0 else "")
        self.call("config-key rm", {"key": _NOTE}, ("config-key", "rm", _NOTE))


class Bindings(Monitors):
    """librados in this process: ten commands cost less than starting `ceph` once."""

    def __init__(self, access: Access, run: Run) -> None:
        super().__init__(access, run)
        self._cluster = connect(access)

    def _send(
        self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str], monitor: str = ""
    ) -> tuple[int, str, str]:
        command = json.dumps({"prefix": prefix, "format": "json", **arguments})
        rc, out, err = self._cluster.mon_command(command, b"", target=monitor or None)
        if rc == -errno.ETIMEDOUT:
            raise unanswered(self._access, cli)
        return rc, out.decode(errors="replace"), err

    def close(self) -> None:
        self._cluster.shutdown()  # otherwise librados' threads outlive OpenSSL and sometimes abort


class Command(Monitors):
    """A `ceph` process for each command, perhaps in a container."""

    def _send(
        self, prefix: str, arguments: t.Mapping[str, t.Any], cli: t.Sequence[str], monitor: str = ""
    ) -> tuple[int, str, str]:
        access = self._access
        keyring = ["--keyring", access.keyring] if access.keyring else []
        limit = access.limited(access.timeout + _ANSWER_SECONDS)
        if prefix == "auth get-or-create":  # prints the key, which the log of a container would keep
            keyring += ["--out-file", "/dev/null"]
        way = ["--connect-timeout", str(access.timeout), "--conf", access.conf, "--name", access.name, *keyring]
        try:
            rc, out, err = self._run([*limit, "ceph", *way, "--format", "json", *cli], access.input)
        except FileNotFoundError:
            raise no_way_in() from None
        if rc in (124, 137):
            raise unanswered(access, cli)
        if access.command and (rc in (125, 126, 127) or _NOWHERE.search(err)):
            raise no_command(access, err)
        if rc == 127:  # what `timeout` says where there is no ceph
            raise no_way_in()
        if rc == 1 and ("timed out" in err or "Error connecting" in err or "error connecting" in err):
            raise unreachable(access)
        if rc == errno.EACCES or "Permission denied" in err:
            raise denied(access)
        return rc, out, err


def unreachable(access: Access) -> OperatorError:
    return OperatorError(
        f"No monitor of {access.conf} answered {access.name} within {access.timeout} s; check its mon_host, "
        "and that ports 3300 and 6789 are reachable."
    )


def unanswered(access: Access, cli: t.Sequence[str]) -> OperatorError:
    if access.command:
        return OperatorError(
            f"`{' '.join(access.command)} ceph {' '.join(cli)}` didn't end in time ({_ANSWER_SECONDS} s, and {_START_SECONDS} s for the container): the "
            "container doesn't start, or the monitors have lost their quorum. Try it by hand, and run again when it answers."
        )
    return OperatorError(
        f"The monitors of {access.conf} are connected, but didn't answer `{' '.join(cli)}` within {_ANSWER_SECONDS} s: they may have lost "
        "their quorum (ceph quorum_status). Run again when they have one."
    )


def denied(access: Access) -> OperatorError:
    return OperatorError(
        f"The cluster of {access.conf} denies access to {access.name}: it doesn't know that client, or the key is wrong. "
        f"Compare it with `ceph auth get {access.name}` on a monitor."
    )


def connect(access: Access, key: str = "") -> t.Any:
    """Connect through librados, with the given key or the keyring's. Raises OperatorError within the timeout."""
    settings = {
        "client_mount_timeout": str(access.timeout),
        # The bindings ignore the timeouts that their own functions take.
        "rados_mon_op_timeout": str(_ANSWER_SECONDS),
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
        raise OperatorError(f"There is no {access.conf} on this host; it names the monitors.") from None
    try:
        cluster.connect()
    except Exception as exc:
        with contextlib.suppress(Exception):
            cluster.shutdown()
        raise _why(access, exc) from None
    return cluster


def _why(access: Access, exc: Exception) -> OperatorError:
    if isinstance(exc, rados.TimedOut):
        return unreachable(access)
    if isinstance(exc, (rados.PermissionDeniedError, rados.PermissionError)):
        return denied(access)
    if isinstance(exc, rados.ObjectNotFound):
        # librados says no more than this if there is no keyring, or if mon_host can't be resolved.
        where = access.keyring or "the keyring that its configuration names"
        return OperatorError(
            f"{access.name} can't connect with {access.conf}: there is no key for it in {where}, or mon_host names no monitor."
        )
    if getattr(exc, "errno", 0) == errno.EINVAL:
        return OperatorError(
            f"{access.name} can't connect with {access.conf}: a name in its mon_host can't be resolved."
        )
    return OperatorError(f"{access.name} can't connect with {access.conf}: {exc}")


def no_way_in() -> OperatorError:
    """The error for a host that can't talk to monitors."""
    return OperatorError(
        "This host has neither librados' Python bindings nor the ceph command; install python3-rados or ceph-common, or say in command "
        "(ceph_openstack_admin_command) what leads to a ceph command, such as `podman exec ceph-mon-a`."
    )


def no_command(access: Access, err: str) -> OperatorError:
    """The error for a way to the ceph command that leads nowhere."""
    return OperatorError(
        f"`{' '.join(access.command)}` doesn't lead to a ceph command on this host: {' '.join(err.split())[-200:] or 'it fails'}. Set command "
        "(ceph_openstack_admin_command) to what does, such as `podman exec ceph-mon-a` or `cephadm shell --`."
    )


@contextlib.contextmanager
def monitors(access: Access, run: Run) -> Iterator[Monitors]:
    """The cluster's monitors, through librados if the host has it and no other way is named."""
    found: Monitors = Bindings(access, run) if rados and not access.command else Command(access, run)
    try:
        yield found
    finally:
        found.close()


@contextlib.contextmanager
def monitors_of(module: t.Any) -> Iterator[Monitors]:
    """The monitors that a module's ADMIN_SPEC names. Raises OperatorError for a command that can't be read or isn't there."""

    given = module.params
    try:
        command = tuple(shlex.split(given["command"]))
    except ValueError as exc:
        raise OperatorError(f"command {given['command']!r} can't be read: {exc}.") from None
    access = Access(given["conf"], given["name"], given["keyring"] or "", given["timeout"], command)
    with monitors(access, runner(module)) as found:
        yield found


@dataclass(frozen=True)
class PoolsOutcome:
    """The steps taken (or predicted), and the cluster before and after."""

    changed: bool
    steps: list[str]
    before: Cluster
    after: Cluster


def check(found: Monitors, desired: DesiredObjects) -> PoolsOutcome:
    """Predict without touching anything. Raises OperatorError for invalid or unsafe requests."""
    made, steps = _planned(found, desired)
    return PoolsOutcome(bool(steps), steps, made.before, made.after)


def apply(found: Monitors, desired: DesiredObjects) -> PoolsOutcome:
    """Plan, apply and read again. Raises OperatorError like check(), and if the cluster rejects a command or still differs afterwards."""
    made, steps = _planned(found, desired)
    if len(steps) > len(made.steps):
        found.put_guard_back()
    after = found.apply(made, desired) if made.changed else made.after
    return PoolsOutcome(bool(steps), steps, made.before, after)


def _planned(found: Monitors, desired: DesiredObjects) -> tuple[PoolsPlan, list[str]]:
    """The plan, and all steps as text; the first restores mon_allow_pool_delete if a killed run left it on."""
    made = plan(desired, found.read(desired.absent_clients, desired.names[0], desired.profile_names))
    first = next((step.text for step in made.steps if step.program == "rbd"), "")
    if first and found.lacks_rbd():
        raise OperatorError(f"The rbd command isn't installed on this host, so it can't {first}; install ceph-common.")
    left = ["restore mon_allow_pool_delete, which a killed run left on"] if found.guard_left_down() else []
    return made, left + [step.text for step in made.steps]
