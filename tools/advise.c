/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advise: what to untrack, and whom to limit, as configuration. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_print.h"
#include "notrackctl.h"

/* Clients come service by service, with one limit each. */
struct advise {
	struct notrack *nt;
	json_t *services, *clients;	/* NULL: print */
	size_t advised;
	char service[32];
	char above[32];
	uint32_t burst;
	char **prefixes;
	size_t count;
};

static const char *const kinds[] = {
	[NOTRACK_UNTRACK] = "untrack", [NOTRACK_LEAVE] = "leave", [NOTRACK_ALREADY] = "already",
};

/* --- as configuration file -------------------------------------------- */

static int print_service(const struct notrack_advice *advice, void *data)
{
	struct advise *advise = data;

	printf("# %s: %" PRIu64 " entries, %.1f%% of the table: %s%s\n", advice->service->name,
	       advice->count, 100 * advice->share,
	       advice->kind == NOTRACK_LEAVE ? "left alone: " : "", advice->text);
	if (advice->kind != NOTRACK_UNTRACK) {
		putchar('\n');
		return 0;
	}
	advise->advised++;
	config_print_service(advice->service);
	putchar('\n');
	return 0;
}

static void end_limit(struct advise *advise)
{
	if (advise->count) {
		printf("[limit %s]\n", advise->service);
		config_print_words("clients", (const char *const *)advise->prefixes, advise->count);
		printf("above = %s\nburst = %u\n\n", advise->above, advise->burst);
	}
	for (size_t i = 0; i < advise->count; i++)
		free(advise->prefixes[i]);
	free(advise->prefixes);
	advise->prefixes = NULL;
	advise->count = 0;
}

static int print_client(const struct hashlimit_advice *advice, void *data)
{
	struct advise *advise = data;
	char **grown;

	if (hashlimit_has_client(advise->nt, advice->service, advice->prefix) > 0)
		return 0;
	if (strcmp(advise->service, advice->service))
		end_limit(advise);
	snprintf(advise->service, sizeof(advise->service), "%s", advice->service);
	snprintf(advise->above, sizeof(advise->above), "%s", advice->limit->above);
	advise->burst = advice->limit->burst;
	printf("# %s: %" PRIu64 " entries, the median source of %s has %" PRIu64 "\n", advice->prefix,
	       advice->count, advice->service, advice->median);
	grown = realloc(advise->prefixes, (advise->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	advise->prefixes = grown;
	grown[advise->count] = strdup(advice->prefix);
	return grown[advise->count++] ? 0 : -ENOMEM;
}

static int count_service(const struct notrack_service *service, void *data)
{
	(void)service;
	++*(size_t *)data;
	return 0;
}

/* What is in the kernel belongs in the file, since apply removes what is not. */
static int print_present(struct advise *advise)
{
	size_t present = 0;
	int err = notrack_each_service(advise->nt, count_service, &present);

	if (err || !present)
		return err;
	printf("# in the kernel already\n");
	return config_print(advise->nt, false);
}

/* --- as JSON ---------------------------------------------------------- */

static int add_service(const struct notrack_advice *advice, void *data)
{
	struct advise *advise = data;
	const char *key, *value;
	json_t *object = json_pack("{s:s, s:s, s:I, s:f, s:s}", "service", advice->service->name,
				   "verdict", kinds[advice->kind],
				   "count", (json_int_t)advice->count, "share", advice->share,
				   "text", advice->text);

	for (unsigned int i = 0; notrack_service_get(advice->service, i, &key, &value); i++)
		if (value)
			json_object_set_new(object, key, json_string(value));
	return json_array_append_new(advise->services, object) ? -ENOMEM : 0;
}

static int add_client(const struct hashlimit_advice *advice, void *data)
{
	struct advise *advise = data;
	json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:s, s:I}", "service", advice->service,
				   "prefix", advice->prefix, "count", (json_int_t)advice->count,
				   "median", (json_int_t)advice->median, "above", advice->limit->above,
				   "burst", (json_int_t)advice->limit->burst);

	return json_array_append_new(advise->clients, object) ? -ENOMEM : 0;
}

static void print_json(const struct advise *advise, const struct notrack_conntrack *totals)
{
	json_t *root = json_pack("{s:I, s:I, s:O, s:O}", "count", (json_int_t)totals->count,
				 "max", (json_int_t)totals->max, "services", advise->services,
				 "clients", advise->clients);

	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(root);
}

/* --- the command ------------------------------------------------------ */

static void print_totals(const struct notrack_conntrack *totals)
{
	printf("# the connection tracking table has %" PRIu64 " entries", totals->count);
	if (totals->max)
		printf(" of at most %" PRIu64, totals->max);
	printf("; since boot, %" PRIu64 " packets were dropped\n\n", totals->dropped);
}

static int advise_json(struct advise *advise, const struct notrack_advise_request *request,
		       const struct notrack_conntrack *totals)
{
	int err;

	advise->services = json_array();
	advise->clients = json_array();
	err = notrack_advise(advise->nt, request, add_service, add_client, advise);
	if (!err)
		print_json(advise, totals);
	json_decref(advise->services);
	json_decref(advise->clients);
	return err;
}

static int advise_config(struct advise *advise, const struct notrack_advise_request *request,
			 const struct notrack_conntrack *totals)
{
	int err;

	print_totals(totals);
	err = notrack_advise(advise->nt, request, print_service, print_client, advise);
	end_limit(advise);
	if (!err && !advise->advised)
		printf("# nothing more to untrack\n\n");
	return err ? err : print_present(advise);
}

static int run_advise(struct options *options)
{
	const struct notrack_usage_request everything = { .size = sizeof(everything),
							  .by = NOTRACK_BY_SERVICE };
	const struct notrack_advise_request request = { .size = sizeof(request),
							.threshold = options->threshold,
							.times = options->times };
	struct notrack_conntrack totals = { .size = sizeof(totals) };
	int code = EXIT_DONE, err;
	struct advise advise = { .nt = open_context(options, &code) };

	if (!advise.nt)
		return code;
	err = notrack_load(advise.nt);
	if (err >= 0 || err == -EPROTONOSUPPORT)
		err = notrack_usage(advise.nt, &everything, &totals, NULL, NULL);
	if (!err)
		err = options->json ? advise_json(&advise, &request, &totals) :
				      advise_config(&advise, &request, &totals);
	if (err)
		code = complain_notrack(advise.nt, err);
	notrack_free(advise.nt);
	return code;
}

const struct command command_advise = {
	.name = "advise",
	.usage = "[--threshold PERCENT] [--times N]",
	.help = "Print which services to untrack and which clients to limit, judged by what is in\n"
		"the connection tracking table now, as configuration with the figures in comments:\n"
		"notrackctl advise | notrackctl apply --dry-run -\n\n"
		"  --threshold PERCENT    of the table, from which a service is worth it (5)\n"
		"  --times N              a source with more than N times the entries of the median\n"
		"                         source of its service is over-eager (10)\n"
		"  --json                 as JSON\n",
	.options = " threshold times ",
	.run = run_advise,
};
