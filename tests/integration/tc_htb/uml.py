# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel with every part of traffic control: Debian's User-Mode Linux on this host's own files, which it only reads.

In the checkout: a function that runs tests there. In the machine: its init, which loads the modules and ends with the tests.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_MODULES = "sch_htb cls_u32 act_mirred act_police sch_ingress sch_sfq sch_fq_codel ifb veth 8021q bridge cls_flower"
#: The bridge needs ipv6, whose chatter would be counted, too.
_PARAMETERS = {"ipv6": b"disable_ipv6=1"}
_MOUNTS = (
    "mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib"
)
_VERDICT = "The tests ended with "
_FINIT_MODULE = 313


def run_there(tests: str, seconds: float) -> tuple[bool, str]:
    """Boot a machine of its own for these tests, a path in the checkout; whether they passed, and what was said."""
    subprocess.run([_ROOT / "tools" / "need", "linux.uml=user-mode-linux"], check=True)
    command = ["linux.uml", "mem=384M", "rootfstype=hostfs", "rootflags=/", "root=/dev/root", "ro", "quiet"]
    command += ["con=null", "con0=null,fd:1", f"init={sys.executable}", "--", str(Path(__file__).resolve()), tests]
    # As tests/lab/machine does: a session of its own that asks for more than its share, and one CPU, on which the machine and its
    # processes hand over to each other at once.
    share = "echo -10 >/proc/self/autogroup; exec taskset -c"
    command = ["sh", "-c", f'{share} {min(os.sched_getaffinity(0))} "$@"', "sh", *command]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/run", "TMPDIR": "/dev/shm"}, start_new_session=True,
    ) as machine:  # fmt: skip
        try:
            said, _nothing = machine.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(machine.pid, 9)
            said, _nothing = machine.communicate()
            return False, f"{said}\nThe machine didn't end within {seconds:g} s."
    return f"{_VERDICT}0." in said, said


def _load(wanted: str) -> None:
    folder = f"/usr/lib/uml/modules/{os.uname().release}"
    needs = dict(line.split(":") for line in Path(folder, "modules.dep").read_text().splitlines())
    paths = {Path(path).stem: path for path in needs}
    libc = ctypes.CDLL(None, use_errno=True)
    for name in wanted.split():
        for path in [*reversed(needs[paths[name]].split()), paths[name]]:
            with open(f"{folder}/{path}", "rb") as module:
                libc.syscall(
                    _FINIT_MODULE, module.fileno(), _PARAMETERS.get(Path(path).stem, b""), 0
                )  # most are loaded already


def main(tests: str) -> None:
    """Be the machine's init."""
    os.environ.update(
        PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", TMPDIR="/run"
    )
    try:
        subprocess.run(["bash", "-euc", _MOUNTS], check=True)
        _load(_MODULES)
        pytest = [str(_ROOT / ".venv/bin/pytest"), "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", tests]
        print(f"{_VERDICT}{subprocess.run(pytest, cwd=_ROOT, check=False).returncode}.", flush=True)
    except Exception:
        traceback.print_exc()  # before the machine is off
    finally:
        Path("/proc/sysrq-trigger").write_text("o")
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])  # behind it are words that the machine adds
