/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of a test: the machine's, or ours, which stand still but where the test lets time pass, so that nothing ages because the machine is busy.
 *
 * For programs that are linked with --wrap=clock_us,--wrap=clock_wall_ms ($(still_clocks_wrap)).  Any thread may look at them meanwhile.
 */
#ifndef KIT_CLOCKS_H
#define KIT_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

void	clocks_stop(void);			/* at what the machine's say now */
void	clocks_go(void);			/* the machine's again, as at the start */
bool	clocks_stand(void);
void	clocks_pass_us(int64_t us);		/* so much time, at once; nothing while they go */
void	clocks_pass(int64_t ms);

#endif
