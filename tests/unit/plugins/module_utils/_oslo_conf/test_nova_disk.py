# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much disk a nova.conf reserves, and shall reserve."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.nova_disk import reservation

OTHERS = "# reserved_host_disk_mb = 7\n[api]\nreserved_host_disk_mb = 5\n"


@pytest.mark.parametrize(
    ("text", "lower", "expected"),
    [
        (OTHERS, False, (None, 2048)),
        (OTHERS + "[DEFAULT]\nreserved_host_disk_mb=1\nhost = a", False, (1, 2048)),
        ("[DEFAULT]\nreserved_host_disk_mb: 9\nreserved_host_disk_mb = 1\n", False, (1, 2048)),
        ("[DEFAULT]\nreserved_host_disk_mb = 4096\n", False, (4096, 4096)),
        ("[DEFAULT]\nreserved_host_disk_mb = 4096\n", True, (4096, 2048)),
        ("[DEFAULT]\r\nreserved_host_disk_mb = 2048\r\n", True, (2048, 2048)),
    ],
    ids=["none yet", "other number", "twice", "more is left alone", "more is not meant", "as wanted"],
)
def test_the_larger_number_counts_unless_the_smaller_is_meant(
    text: str, lower: bool, expected: tuple[int | None, int]
) -> None:
    assert reservation("nova.conf", text, 2048, lower=lower) == expected


def test_nothing_needs_no_line() -> None:
    assert reservation("nova.conf", "[DEFAULT]\n", 0, lower=False) == (None, None)


@pytest.mark.parametrize(
    ("text", "wanted", "sentence"),
    [
        ("", -1, "reserved_host_disk_mb = -1 is negative; give 0 or more MB."),
        ("[DEFAULT]\nreserved_host_disk_mb = 10G\n", 1,
         "nova.conf has reserved_host_disk_mb = '10G', which isn't a number, so nova-compute can't start with it; correct that line first."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(text: str, wanted: int, sentence: str) -> None:
    with pytest.raises(OperatorError) as caught:
        reservation("nova.conf", text, wanted, lower=False)
    assert str(caught.value) == sentence
