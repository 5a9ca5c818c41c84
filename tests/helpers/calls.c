/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls.h"

#include <stddef.h>

int call_load(struct notrack *nt)
{
	return notrack_load(nt);
}

int call_diff(struct notrack *nt)
{
	return notrack_diff(nt, NULL, NULL);
}

int call_stats(struct notrack *nt)
{
	return notrack_stats(nt, NULL, NULL, NULL);
}

int call_verify(struct notrack *nt)
{
	return notrack_verify(nt, NULL, NULL, NULL, NULL);
}

static int ignore(const struct notrack_check *check, void *data)
{
	(void)check, (void)data;
	return 0;
}

int call_doctor(struct notrack *nt)
{
	return notrack_doctor(nt, ignore, NULL);
}

int call_commit(struct notrack *nt)
{
	return notrack_commit(nt, NULL);
}

int call_forced_commit(struct notrack *nt)
{
	int err = notrack_set_force(nt, NOTRACK_FORCE);

	return err ? err : notrack_commit(nt, NULL);
}

int call_clear(struct notrack *nt)
{
	return notrack_clear(nt, NULL);
}
