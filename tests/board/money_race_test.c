/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of the money kill test as threads, on one mapping: for ThreadSanitizer, which sees races by address and inside one process only. */
#include "board/spend.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS	5
#define TURNS	20
#define ROUNDS	100
#define PLENTY	INT64_C(1000000000)

static char dir[] = "/tmp/money_race_test.XXXXXX";
static pthread_mutex_t mapping = PTHREAD_MUTEX_INITIALIZER;
static void *mapped;
static struct bank *bank;
static atomic_uint over;

void	*__real_mmap(void *, size_t, int, int, int, off_t);
void	*__wrap_mmap(void *, size_t, int, int, int, off_t);
int	 __wrap_munmap(void *, size_t);

/* The board's own calls come here: every file of running exchanges of this process lies at one address.  The bank's memory is nobody's file. */
void *
__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if (fd < 0)
		return (__real_mmap(at, n, prot, flags, fd, from));
	pthread_mutex_lock(&mapping);
	if (mapped == NULL)
		mapped = __real_mmap(at, n, prot, flags, fd, from);
	pthread_mutex_unlock(&mapping);
	return (mapped);
}

int
__wrap_munmap(void *at, size_t n)
{
	return (0);
}

static struct running *
must_open(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct running *r = running_open(dir, "k", kind, &why);

	if (r == NULL)
		bank_die(why.at);
	return (r);
}

static void
must_be(const char *wrong)
{
	if (wrong != NULL)
		bank_die(wrong);
}

static void *
live(void *arg)
{
	for (unsigned i = 0; i < TURNS; i++) {
		struct running *r = must_open((uintptr_t)arg % 3 == 2 ? SEAT_NARROW : SEAT_WIDE);

		running_sweep(r, spend_swept, bank);
		for (unsigned k = 0; k < ROUNDS; k++)
			spend(r, bank, k % 2 == 0);
		spend_and_leave(r, bank, i % 4);
		running_close(r);
	}
	atomic_fetch_add(&over, 1);
	return (NULL);
}

static void
keep_house(struct running *r, bool all)
{
	running_sweep(r, spend_swept, bank);
	bank_ship(bank);
	bank_close(bank, r, all);
	must_be(bank_check(bank));
}

int
main(void)
{
	pthread_t threads[THREADS];
	struct running *r;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return (1);
	bank = bank_new(dir, PLENTY, PLENTY);
	r = must_open(SEAT_NONE);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, live, (void *)i) != 0)
			return (1);
	while (atomic_load(&over) < THREADS)
		keep_house(r, false);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 6; i++)		/* what was being closed, then the rest */
		keep_house(r, true);
	must_be(bank_check_end(bank));
	if (running_all(r) != 0 || bank_calls(bank) < 100)
		bank_die("exchanges run at the end, or hardly any call was made");
	running_close(r);
	bank_free(bank);
	unlink("k.running");
	return (rmdir(dir));
}
