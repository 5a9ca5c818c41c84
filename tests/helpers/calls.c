/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

/* A visitor of whatever there is. */
static int ignore(void)
{
	return 0;
}
#define IGNORE ((void *)ignore)

int call_doctor(struct notrack *nt)
{
	return notrack_doctor(nt, IGNORE, NULL);
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

int call_backend(struct notrack *nt)
{
	return notrack_backend(nt, NULL, NULL);
}

int call_explain(struct notrack *nt)
{
	return notrack_explain(nt, NULL, IGNORE, NULL);
}

int call_usage(struct notrack *nt)
{
	const struct notrack_usage_request request = { .size = sizeof(request) };

	return notrack_usage(nt, &request, NULL, IGNORE, NULL);
}

int call_flush(struct notrack *nt)
{
	return notrack_flush_tracked(nt, NULL);
}

int call_print_host_rules(struct notrack *nt)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result = out ? notrack_print_host_rules(nt, out) : -ENOMEM;

	if (out)
		fclose(out);
	free(text);
	return result;
}

int call_buckets(struct notrack *nt)
{
	return hashlimit_each_bucket(nt, "dns", IGNORE, NULL);
}

int call_advise(struct notrack *nt)
{
	return notrack_advise(nt, NULL, IGNORE, IGNORE, NULL);
}

int call_watch(struct notrack *nt)
{
	struct notrack_watch *watch;
	int result = notrack_watch_start(nt, &watch);

	notrack_watch_stop(watch);
	return result;
}

int call_table_bytes(struct notrack *nt)
{
	notrack_table_bytes(nt);
	return 0;
}

int call_load_and_ask(struct notrack *nt)
{
	int result = notrack_load(nt);

	return result < 0 ? result : hashlimit_has_client(nt, "dns", "203.0.113.7/32");
}

int (*const calls_that_read[CALLS_THAT_READ])(struct notrack *nt) = {
	call_load, call_load_and_ask, call_diff, call_verify, call_explain, call_backend, call_stats,
	call_buckets, call_usage, call_advise, call_flush, call_doctor, call_print_host_rules,
	call_watch, call_table_bytes,
};
