/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and identity.
 *
 * Durations and deadlines are CLOCK_BOOTTIME, so that a clock that steps moves none of them and two processes of a host agree;
 * the wall clock is only for people (log lines, `created`) and for request ids.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t	clock_us(void);				/* microseconds since boot; CLOCK_BOOTTIME */
int64_t	clock_wall_ms(void);			/* milliseconds since 1970 */
struct timespec clock_from_now(unsigned ms);	/* CLOCK_MONOTONIC, for conditions that are waited for with it */
void	clock_iso(char out[25], int64_t wall_ms);	/* "2026-11-23T12:00:00.123Z" and a zero byte */

/* A UUID version 7 (RFC 9562): 48 bits of wall clock ms, the rest random; 36 characters and a zero byte. */
void	uuid7(char out[37]);
uint64_t random_u64(void);			/* fast, not for secrets */
void	random_bytes(void *, unsigned n);	/* getrandom(2): for secrets */

#endif
