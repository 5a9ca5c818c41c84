/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <stdlib.h>

#include "random.h"

enum { TEST_SECONDS = 120 };	/* also under a sanitizer, on a slow machine */

int unit_main(const char *name, void (*tests)(TCase *))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_fork_status(runner, CK_FORK);
	tcase_set_timeout(tcase, TEST_SECONDS);
	tcase_add_checked_fixture(tcase, random_begin, NULL);
	tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
