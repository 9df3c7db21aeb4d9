# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that use libvirt have in common: how they open it, its errors, and the outcome of a call."""

from __future__ import annotations

import importlib
import typing as t
from dataclasses import dataclass

from .._common import OperatorError, no_binding

#: libvirt's own numbers, so that what is planned and done needs no binding to be tested.
LIVE, CONFIG = 1, 2
XML_INACTIVE = 2
NO_DOMAIN = 42


def binding() -> t.Any:
    """libvirt's Python binding, which no longer prints errors by itself. Raises OperatorError where it isn't installed."""
    try:
        found = importlib.import_module("libvirt")
    except ImportError:
        raise no_binding("libvirt") from None
    found.registerErrorHandler(lambda _context, _error: None, None)
    return found


def connect(uri: str, *, read_only: bool = False) -> t.Any:
    """A connection to libvirt; the caller closes it. Raises OperatorError without a binding or an answer.

    Over a read-only connection libvirt shows no secret's value, and changes nothing.
    """
    found = binding()
    try:
        return found.openReadOnly(uri) if read_only else found.open(uri)
    except found.libvirtError as exc:
        raise OperatorError(
            f"libvirt at {uri} doesn't answer: {exc}. Start its service (libvirtd, or virtqemud and virtsecretd), or set uri."
        ) from None


_S = t.TypeVar("_S", bound="Session")


class Session:
    """A connection to libvirt that is closed at the end of a with statement; what is asked over it is a subclass's matter."""

    def __init__(self, binding: t.Any, connection: t.Any) -> None:
        #: What the binding raises.
        self.error: t.Any = binding.libvirtError
        self._connection = connection

    @classmethod
    def open(cls: type[_S], uri: str) -> _S:
        """Raises OperatorError without a binding or an answer."""
        connection = connect(uri)
        return cls(binding(), connection)

    def __enter__(self: _S) -> _S:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._connection.close()


class DomainPlan:
    """What is to be done with one part of a domain, running or in its configuration: what was found, what will be there, and in a word what is done."""

    found: dict[str, t.Any]
    now: dict[str, t.Any]
    done: str
    reason: str
    live: bool
    config: bool

    @property
    def acts(self) -> bool:
        return self.live or self.config

    @property
    def called(self) -> str:
        """What the part is called in diffs."""
        raise NotImplementedError

    def numbers(self, there: t.Mapping[str, t.Any]) -> str:
        """The numbers of the running domain, or of its configuration, as people read them."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """What is done and what will be there then, in a line; running and configured apart where they differ."""
        places = (("running", self.now["live"]), ("configured", self.now["config"]))
        told = {word: self.numbers(there) for word, there in places if there is not None}
        if len(set(told.values())) == 1:
            told = {"now": next(iter(told.values()))}
        parts = [f"{self.called}: {self.done}", *(f"{word} {numbers}" for word, numbers in told.items()), self.reason]
        return "; ".join(filter(None, parts))


_P = t.TypeVar("_P", bound=DomainPlan)


@dataclass
class DomainsOutcome(t.Generic[_P]):
    """What one call found and did (or, in check mode, would do). A subclass says which words `done` has."""

    plans: list[_P]

    WORDS: t.ClassVar[t.Sequence[str]] = ()

    @property
    def changed(self) -> bool:
        return any(one.acts for one in self.plans)

    @property
    def counts(self) -> dict[str, int]:
        return {word: sum(one.done == word for one in self.plans) for word in self.WORDS}

    @property
    def diff(self) -> dict[str, t.Any]:
        """Before and after of what changes, for --diff."""
        acting = [one for one in self.plans if one.acts]
        return {
            "before": {one.called: one.found for one in acting},
            "after": {one.called: one.now for one in acting},
        }


def is_gone(exc: t.Any) -> bool:
    """Whether an error of libvirt's says that there is no such domain."""
    return bool(exc.get_error_code() == NO_DOMAIN)


def said(exc: Exception) -> str:
    """An error of libvirt's in one line."""
    return " ".join(str(exc).split()).rstrip(".")
