/* Copyright (c) 2026 openstack_ops.day2 contributors
 * GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * User-Mode Linux 6.1 hands the host a register image of fixed size; a processor with a larger XSAVE area (AMX)
 * refuses it, and no process starts. Preloaded, this ptrace() pads the image to the size that the host keeps.
 *
 * A reboot is an exec of itself; it leaves the tap open, and the new kernel then finds it busy. So everything is closed first. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#define XSTATE_NOTE 0x202 /* NT_X86_XSTATE */

static long (*next)(int, ...);
static size_t full;      /* bytes of XSAVE area that this host keeps */
static unsigned end[63]; /* where each component's bytes end */
static unsigned char area[65536];

__attribute__((constructor)) static void setup(void)
{
    unsigned a, b, c, d;
    close_range(3, ~0U, 0);
    next = (long (*)(int, ...))dlsym(RTLD_NEXT, "ptrace");
    __cpuid_count(13, 0, a, b, c, d);
    full = b;
    for (int i = 2; i < 63; i++) {
        __cpuid_count(13, i, a, b, c, d);
        end[i] = a + b;
    }
}

long ptrace(enum __ptrace_request req, ...)
{
    va_list v;
    va_start(v, req);
    void *pid = va_arg(v, void *), *addr = va_arg(v, void *), *data = va_arg(v, void *);
    va_end(v);
    struct iovec *in = data, out = {area, full};
    if (req != PTRACE_SETREGSET || (long)addr != XSTATE_NOTE || !in || in->iov_len >= full || in->iov_len < 576 ||
        full > sizeof area)
        return next(req, pid, addr, data);
    memcpy(area, in->iov_base, in->iov_len);
    memset(area + in->iov_len, 0, full - in->iov_len);
    uint64_t *present = (uint64_t *)(area + 512);
    for (int i = 2; i < 63; i++) /* a component that was cut off is not present */
        if (end[i] > in->iov_len)
            *present &= ~(1ULL << i);
    return next(req, pid, addr, &out);
}
