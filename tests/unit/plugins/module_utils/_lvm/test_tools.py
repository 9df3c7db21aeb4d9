# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals, and the text of a group's metadata."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import parse
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.tools import Proc

#: As vgcfgbackup of lvm2 2.03.16 writes it, shortened.
METADATA = """vg0 {
\tseqno = 5

\tlogical_volumes {

\t\tinstances {
\t\t\tstatus = ["READ", "WRITE", "VISIBLE"]
\t\t}

\t\tinstances-day2shrink {
\t\t\tid = "x"
\t\t\tstatus = ["READ", "WRITE"]
\t\t\tflags = []
\t\t}

\t\tsnapshot0 {
\t\t\tsegment1 {
\t\t\t\tmerging_store = "instances-day2shrink"
\t\t\t}
\t\t}
\t}
}
"""


def test_a_merge_is_taken_out_of_the_metadata_and_nothing_else() -> None:
    lines = zip(METADATA.splitlines(), parse.unmerged(METADATA, "instances-day2shrink").splitlines(), strict=True)
    assert [after.strip() for before, after in lines if before != after] == [
        'status = ["READ", "WRITE", "VISIBLE"]',
        'cow_store = "instances-day2shrink"',
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        METADATA.replace("merging", "cow"),
        METADATA.replace("day2shrink {", "other {"),
        METADATA.replace('["READ", "WRITE"]', '["READ"]'),
    ],
)
def test_metadata_of_another_shape_is_not_restored(text: str) -> None:
    with pytest.raises(OperatorError, match="isn't taken back"):
        parse.unmerged(text, "instances-day2shrink")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_an_error_once_and_ends_what_takes_long(number: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(number)
    (tmp_path / "resize2fs").symlink_to("/bin/sleep")
    with subprocess.Popen([tmp_path / "resize2fs", "1000"]), Proc().signals():
        with pytest.raises(OperatorError, match=f"{number.name} ended this run"):
            signal.raise_signal(number)
        signal.raise_signal(number)  # while what was stopped is started again
    assert signal.getsignal(number) == before
