/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks in place of base/clock.c's. */
#include "kit/clocks.h"

#include <stdatomic.h>

int64_t __real_clock_us(void);
int64_t __wrap_clock_us(void);
int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

static _Atomic int64_t boot_us, wall_us;	/* 0: the machine's */

int64_t
__wrap_clock_us(void)
{
	int64_t us = boot_us;

	return (us != 0 ? us : __real_clock_us());
}

int64_t
__wrap_clock_wall_ms(void)
{
	int64_t us = wall_us;

	return (us != 0 ? us / 1000 : __real_clock_wall_ms());
}

void
clocks_stop(void)
{
	boot_us = __real_clock_us();
	wall_us = __real_clock_wall_ms() * 1000;
}

void
clocks_go(void)
{
	boot_us = wall_us = 0;
}

bool
clocks_stand(void)
{
	return (boot_us != 0);
}

void
clocks_pass_us(int64_t us)
{
	if (!clocks_stand())
		return;
	boot_us += us;
	wall_us += us;
}

void
clocks_pass(int64_t ms)
{
	clocks_pass_us(ms * 1000);
}
