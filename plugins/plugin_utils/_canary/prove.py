# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checks, one after the other, on a canary that is removed whatever they say."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError, listed, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import LIVE, Moved, Step
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.plan import judge
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.plugs import classify

from .cloud import Cloud, in_words
from .model import FAILED, PASSED, UNKNOWN, Check, Options, Record, Report, Things
from .reach import address_of, reached

# Seconds between two looks.
_POLL = 1.0
# Looks that may fail one after the other: an API may be restarted meanwhile.
_UNANSWERED = 10

Say = t.Callable[[str], None]
#: What tc_htb_info on the compute tells of a port; raises OperatorError where it can't be asked.
Limits = t.Callable[[str], Record]
_Said = tuple[str, str]


@dataclass
class Prover:
    """One canary. report gets each check as soon as it is made."""

    cloud: Cloud
    options: Options
    things: Things
    report: Report
    say: Say
    limits: Limits
    server: str = ""
    volume: str = ""

    def run(self, names: t.Iterable[str]) -> None:
        """The checks of these names, boot first. What needs a canary that isn't there is unknown."""
        made = {
            "boot": self._boot, "port": self._port, "console": self._console, "dhcp": self._dhcp, "metadata": self._metadata,
            "reach": self._reach, "limit": self._limit, "volume": self._volume, "written": self._written, "migration": self._migration,
        }  # fmt: skip
        for name in names:
            began = time.monotonic()
            booted = self._verdict("boot") == PASSED
            if name != "boot" and not booted:
                verdict, why = UNKNOWN, "not looked at, for the canary isn't ACTIVE there"
            else:
                try:
                    verdict, why = made[name]()
                except OperatorError as exc:
                    verdict, why = UNKNOWN, str(exc).rstrip(".")
            check = Check(name, verdict, why, int(time.monotonic() - began))
            self.report.checks.append(check)
            self.say(f"{name}: {verdict}, {why}")

    def _verdict(self, name: str) -> str:
        return next((one.verdict for one in self.report.checks if one.name == name), "")

    def _wait(self, look: t.Callable[[], _Said | None], late: t.Callable[[], _Said]) -> _Said:
        """What a look says, as soon as it says something; or what is said when the time is over. Raises
        OperatorError after many errors, or where the last look is one."""
        began, unanswered = time.monotonic(), 0
        while True:
            over = time.monotonic() - began >= self.options.timeout
            try:
                if said := look():
                    return said
                unanswered = 0
            except OperatorError:
                # What the last look would have said isn't known.
                unanswered += 1
                if over or unanswered >= _UNANSWERED:
                    raise
            if over:
                return late()
            time.sleep(_POLL)

    # Boot

    def _boot(self) -> _Said:
        self.server = self.cloud.boot(self.things, self.options)
        if not UUID.match(self.server):
            raise OperatorError(f"Nova tells {shown(self.server)} as the id of the canary")
        status = ""

        def look() -> _Said | None:
            nonlocal status
            row = self.cloud.row(self.server)
            if row is None:
                return UNKNOWN, "somebody deleted the canary while it booted"
            status, host = str(row.get("status")), str(row.get("OS-EXT-SRV-ATTR:host") or "")
            if status == "ACTIVE" and not row.get("OS-EXT-STS:task_state"):
                if host == self.options.host:
                    return PASSED, f"ACTIVE on {host}"
                return UNKNOWN, f"Nova put the canary on {shown(host)}, which proves nothing of this compute"
            # Nova writes the state first and the reason after it.
            if status == "ERROR" and (fault := (row.get("fault") or {}).get("message")):
                return self._blame(str(fault))
            return None

        return self._wait(look, lambda: (FAILED, f"is still {in_words(status)} after {self.options.timeout} s"))

    def _blame(self, fault: str) -> _Said:
        """Failed only where the compute itself began and failed; what keeps Nova from asking it proves nothing of it."""
        said = self.cloud.tried(self.server)
        if self.things.network:
            try:
                lacks = self.cloud.no_addresses(self.things.network)
            except OperatorError:
                lacks = ""
            if lacks:
                return UNKNOWN, f"{lacks} (Nova says {in_words(fault)})"
        if said:
            return FAILED, f"Nova says {in_words(fault)}, the compute {said}"
        causes = self.cloud.no_host(self.server)
        why = f": {listed(causes, 5, '; ')}" if causes else "; nothing that is known speaks against it"
        return UNKNOWN, f"the scheduler didn't put the canary there (Nova says {in_words(fault)}){why}"

    # What users need of it

    def _ports(self) -> list[Record]:
        rows = self.cloud.ports(self.server)
        if not rows:
            raise OperatorError("Neutron lists no port of the canary")
        return rows

    def _port(self) -> _Said:
        why = ""

        def look() -> _Said | None:
            nonlocal why
            (port, *_more) = self._ports()
            if "binding:host_id" not in port:
                return UNKNOWN, "Neutron doesn't show ports' bindings to this user"
            vif, host, status = port.get("binding:vif_type"), port["binding:host_id"], port.get("status")
            if vif == "binding_failed":
                return FAILED, f"Neutron could not bind the port to {shown(host)}; look after the network agent there"
            if vif == "unbound" or host != self.options.host:
                why = f"the port is bound to {shown(host or 'no host')}"
            elif not port.get("fixed_ips"):
                why = "the port has no address"
            elif status != "ACTIVE":
                why = f"the port is {shown(status)}: the network agent hasn't said that it is wired"
            else:
                addresses = listed([str(one["ip_address"]) for one in port["fixed_ips"]])
                return PASSED, f"bound as {vif}, ACTIVE, {addresses}"
            return None

        return self._wait(look, lambda: (FAILED, f"{why}, after {self.options.timeout} s"))

    def _console(self) -> _Said:
        def look() -> _Said | None:
            text = self.cloud.console(self.server)
            return (PASSED, f"{len(text.splitlines())} lines") if text.strip() else None

        return self._wait(look, lambda: (FAILED, f"the log is still empty after {self.options.timeout} s"))

    def _dhcp(self) -> _Said:
        return self._printed(self.options.checks.dhcp)

    def _metadata(self) -> _Said:
        return self._printed(self.options.checks.metadata)

    def _written(self) -> _Said:
        if self._verdict("volume") != PASSED:
            return UNKNOWN, "not looked at, for the volume isn't attached"
        return self._printed(self.options.checks.written)

    def _printed(self, pattern: re.Pattern[str] | None) -> _Said:
        if pattern is None:
            raise OperatorError("no pattern says what the guest prints")

        def look() -> _Said | None:
            lines = self.cloud.console(self.server).splitlines()
            found = next((line for line in lines if pattern.search(line)), None)
            return None if found is None else (PASSED, f"the guest printed {in_words(found)}")

        late = f"the guest has printed no line with {shown(pattern.pattern)} after {self.options.timeout} s"
        return self._wait(look, lambda: (FAILED, late))

    def _reach(self) -> _Said:
        address = address_of(self._ports()[0])
        checks, why = self.options.checks, ""

        def look() -> _Said | None:
            nonlocal why
            why = reached(address, checks.reach, checks.reach_port)
            return None if why else (PASSED, f"{address} answers {_asked(checks.reach, checks.reach_port)}")

        return self._wait(look, lambda: (FAILED, f"{address} {why}, after {self.options.timeout} s"))

    def _limit(self) -> _Said:
        port = self._ports()[0]
        plug = classify(port)
        if plug.reason:
            return UNKNOWN, plug.reason.rstrip(".")

        def look() -> _Said | None:
            found = self.limits(str(port["id"]))
            if not found.get("devices"):
                return None
            told = [f"{way} {found[way].get('rate')}" for way in ("egress", "ingress") if found.get(way)]
            return (PASSED, ", ".join(told)) if told else None

        late = f"the kernel has no limit of the port {port['id']} after {self.options.timeout} s"
        return self._wait(look, lambda: (FAILED, late))

    # The volume

    def _volume(self) -> _Said:
        self.volume = self.cloud.create_volume(self.options)

        def wait(goal: str) -> _Said:
            status = ""

            def look() -> _Said | None:
                nonlocal status
                row = self.cloud.volume(self.volume)
                if row is None:
                    return UNKNOWN, "Cinder doesn't list the volume any more"
                status = str(row.get("status"))
                if status == goal:
                    return PASSED, f"{row.get('size')} GiB"
                return (FAILED, f"Cinder made the volume {in_words(status)}") if status.startswith("error") else None

            late = f"the volume is still {{}} after {self.options.timeout} s, wanted {goal}"
            return self._wait(look, lambda: (FAILED, late.format(in_words(status))))

        made = wait("available")
        if made[0] != PASSED:
            # The compute has no part in it yet.
            return UNKNOWN, made[1]
        self.cloud.attach(self.server, self.volume)
        attached = wait("in-use")
        if attached[0] != PASSED:
            return attached
        return PASSED, f"{made[1]} attached; whether the guest can write there isn't looked at"

    # Migration

    def _migration(self) -> _Said:
        if why := self.cloud.without_target([self.server]).get(self.server):
            return UNKNOWN, why
        gone = self._migrate("")
        if not isinstance(gone, Moved):
            return gone
        back = self._migrate(self.options.host)
        if not isinstance(back, Moved):
            return back[0], f"came to {gone.dest}, and back it {back[1]}"
        return PASSED, f"live to {gone.dest} and back"

    def _migrate(self, dest: str) -> Moved | _Said:
        """Moved, or the verdict."""
        server = self.cloud.server(self.server)
        if server is None:
            return UNKNOWN, "was deleted meanwhile"
        newest = max((one.id for one in self.cloud.migrations(self.server)), default=0)
        step = Step(self.server, LIVE, server.host, dest, newest)
        self.cloud.start(step)
        ended: Moved | None = None

        def look() -> _Said | None:
            nonlocal ended
            found = judge(step, self.cloud.server(self.server), self.cloud.migrations(self.server))
            if not isinstance(found, Moved):
                return None
            ended = found
            return {"moved": PASSED, "failed": FAILED}.get(found.verdict, UNKNOWN), found.why

        verdict, why = self._wait(look, lambda: (FAILED, f"is still on its way after {self.options.timeout} s"))
        if verdict == PASSED and ended:
            return ended
        fault = self.cloud.fault(self.server) if ended and verdict == FAILED else ""
        where = f"to {dest}" if dest else "away"
        return verdict, f"{where}: {why}{f' ({fault})' if fault else ''}"


def _asked(kind: str, port: int) -> str:
    return f"on TCP port {port}" if kind == "tcp" else "to ping"
