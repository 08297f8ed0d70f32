/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, UUIDs and random numbers. */
#include "base/clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int64_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return ((int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

int64_t
clock_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

struct timespec
clock_from_now(unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return (t);
}

/* Most moments that are written are of the second that was written last. */
void
clock_iso(char out[25], int64_t wall_ms)
{
	static __thread time_t last = INT64_MAX;
	static __thread char date[64];
	time_t seconds = (time_t)(wall_ms / 1000);
	unsigned ms = (unsigned)(wall_ms % 1000) % 1000;
	const char part[6] = { '.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z', '\0' };
	struct tm tm;

	if (seconds != last) {
		gmtime_r(&seconds, &tm);
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
		last = seconds;
	}
	memcpy(out, date, 19);
	memcpy(out + 19, part, sizeof(part));
}

void
random_bytes(void *to, unsigned n)
{
	if (getrandom(to, n, 0) != (ssize_t)n)		/* never short below 257 bytes, once the pool is ready */
		abort();
}

static __thread uint64_t s[4];
static __thread bool seeded;

static void
forget_seed(void)
{
	seeded = false;
}

static void
seed(void)
{
	static bool told;

	random_bytes(s, sizeof(s));
	seeded = true;
	if (!__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		pthread_atfork(NULL, NULL, forget_seed);
}

/* xoshiro256++ by Blackman and Vigna, seeded from the kernel; a fork gets a seed of its own. */
uint64_t
random_u64(void)
{
	uint64_t sum, result, t;

	if (!seeded)
		seed();
	sum = s[0] + s[3];
	result = ((sum << 23) | (sum >> 41)) + s[0];
	t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return (result);
}

void
uuid7(char out[37])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t ms = (uint64_t)clock_wall_ms(), a = random_u64(), b = random_u64();
	unsigned char id[16];
	unsigned at = 0;

	for (unsigned i = 0; i < 6; i++)
		id[i] = (unsigned char)(ms >> (40 - 8 * i));
	for (unsigned i = 6; i < 8; i++)
		id[i] = (unsigned char)(a >> (8 * (i - 6)));
	for (unsigned i = 8; i < 16; i++)
		id[i] = (unsigned char)(b >> (8 * (i - 8)));
	id[6] = (unsigned char)((id[6] & 0x0f) | 0x70);
	id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = hex[id[i] >> 4];
		out[at++] = hex[id[i] & 15];
	}
	out[at] = '\0';
}
