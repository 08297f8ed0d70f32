/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of the kill test as threads, on one mapping: for ThreadSanitizer, which sees races by address and inside one process only. */
#include "board/hammer.h"
#include "board/metrics.h"
#include "config/config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS	6
#define TURNS	200
#define ROUNDS	400

static char dir[] = "/tmp/race_test.XXXXXX";
static pthread_mutex_t mapping = PTHREAD_MUTEX_INITIALIZER;
static void *mapped;
static struct truth truth;

void	*__real_mmap(void *, size_t, int, int, int, off_t);
void	*__wrap_mmap(void *, size_t, int, int, int, off_t);
int	 __wrap_munmap(void *, size_t);

/* The board's own calls come here: every board of this process lies at one address. */
void *
__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
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

static struct board *
must_open(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct board *b = board_open(dir, "r", kind, &why);

	if (b == NULL) {
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
		exit(1);
	}
	return (b);
}

static void
must_be(const char *wrong)
{
	if (wrong != NULL) {
		fprintf(stderr, "%s\n", wrong);
		exit(1);
	}
}

static void *
live(void *arg)
{
	for (unsigned i = 0; i < TURNS; i++) {
		struct board *b = must_open((uintptr_t)arg % 2 == 0 ? SEAT_WIDE : SEAT_NARROW);

		must_be(hammer(b, &truth, (unsigned)(uintptr_t)arg, ROUNDS));
		board_close(b);
	}
	return (NULL);
}

/* Meanwhile: counters never go down, the page can be printed. */
static void
watch(struct board *b)
{
	struct hammered *before = must_zalloc(sizeof(*before));
	struct config empty = { 0 };
	struct buf page = { 0 };
	struct metrics *m;

	for (unsigned i = 0; i < TURNS; i++) {
		must_be(hammer_monotone(b, before));
		page.len = 0;
		m = metrics_begin(b, &empty);
		while (metrics_more(&page, m))
			;
		metrics_end(m);
		hammer_next_window(&truth);
	}
	buf_free(&page);
	free(before);
}

int
main(void)
{
	pthread_t threads[THREADS];
	struct board *b;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return (1);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, live, (void *)i) != 0)
			return (1);
	b = must_open(SEAT_NONE);
	watch(b);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	must_be(hammer_names(b));
	must_be(hammer_nothing_held(b));
	if (truth.found == 0 || truth.missed == 0 || truth.let_in == 0 || truth.counted == 0)
		must_be("something never happened");
	if (board_all_open(b) != 0 || board_sweep(b) != 0)
		must_be("something is held at the end");
	board_close(b);
	unlink("r.board");
	return (rmdir(dir));
}
