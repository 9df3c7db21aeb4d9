# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of what LVM's commands print with --reportformat json. Pure. PRIVATE to the collection."""

from __future__ import annotations

import json

from .._common import OperatorError, shown

#: Options for lvs, vgs and pvs: the report that rows() reads, whatever lvm.conf says of reports. Bytes, without a unit.
OPTIONS = (
    "--config", "report { headings=1 prefixes=0 quoted=1 columns_as_rows=0 compact_output=0 binary_values_as_numeric=0 "
    'list_item_separator="," } log { report_command_log=0 }',
    "--reportformat", "json", "--units", "b", "--nosuffix",
)  # fmt: skip


def rows(text: str, kind: str, fields: str) -> list[dict[str, str]]:
    """The rows of a report on lv, vg or pv; each has all the fields that the command was asked for with -o.

    Raises OperatorError for anything that isn't such a report.
    """
    try:
        found = [row for part in json.loads(text)["report"] for row in part[kind]]
    except ValueError:
        raise OperatorError(
            f"LVM printed {shown(text.strip())} instead of JSON; its version here may be older than 2.02.158. Update lvm2."
        ) from None
    except (KeyError, TypeError):
        raise _other_shape(f"no report on {kind}") from None
    names = fields.split(",")
    for row in found:
        if not isinstance(row, dict):
            raise _other_shape(f"{shown(row)} instead of a row")
        for name in names:
            if not isinstance(row.get(name), str):
                raise _other_shape(f"a row without {name}")
    return found


def number(row: dict[str, str], name: str) -> int:
    """A field that is a number, such as bytes with --units b --nosuffix. Raises OperatorError if it isn't one."""
    if not row[name].isdigit() or not row[name].isascii():
        raise _other_shape(f"{name} {shown(row[name])}, not a number,")
    return int(row[name])


def _other_shape(what: str) -> OperatorError:
    return OperatorError(
        f"LVM reported {what} where its JSON should tell it; run `lvs -a -o+lv_role` and look by hand."
    )
