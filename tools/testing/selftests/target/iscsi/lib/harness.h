/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kselftest_harness.h with a main() that makes the target first, and that
 * runs the tests named by TISCSI_ONLY and not by TISCSI_SKIP.
 */
#ifndef RAW_HARNESS_H
#define RAW_HARNESS_H

#include "kselftest_harness.h"
#include "raw.h"

/* Emulated and loaded machines are slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	60

static inline void choose_tests(void)
{
	struct __fixture_metadata *f;
	struct __test_metadata **t;

	for (f = __fixture_list; f; f = f->next) {
		for (t = &f->tests; *t; ) {
			(*t)->timeout = bound_ms((*t)->timeout);
			if (env_wanted((*t)->name))
				t = &(*t)->next;
			else
				*t = (*t)->next;
		}
	}
}

/* Use once, at the end, instead of TEST_HARNESS_MAIN. */
#define RAW_TEST_MAIN						\
	int main(int argc, char **argv)				\
	{							\
		int status;					\
								\
		choose_tests();					\
		status = env_run(argc, argv, test_harness_run);	\
		exit(status);					\
	}

#endif /* RAW_HARNESS_H */
