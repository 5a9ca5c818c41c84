/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* advise: what to untrack, and whom to limit, as configuration. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_print.h"
#include "context.h"
#include "json.h"

/* All of it is collected before a word is printed: half a configuration is a wrong one. */
struct advise {
	struct notrack *nt;
	struct notrack_conntrack totals;
	json_t *services, *clients;
};

static const char *const kinds[] = {
	[NOTRACK_UNTRACK] = "untrack", [NOTRACK_LEAVE] = "leave", [NOTRACK_ALREADY] = "already",
};

static double threshold;		/* share of the table; 0: the default */
static uint32_t times;			/* of the median; 0: the default */
static uint32_t seconds;		/* to count requests for; 0: do not */

#define TIMES_MAX 1000000
#define SECONDS_MAX 3600

/* "5", "0.5%": of a hundred. */
static int take_percent(const char *name, const char *word, void *to)
{
	char *end;
	double percent = strtod(word, &end);

	if (*word < '0' || *word > '9' || (*end && strcmp(end, "%")) || percent < 0.1 ||
	    percent > 100)
		return complain(EXIT_BAD_INPUT, "--%s %s: must be a percentage of 0.1 to 100", name,
				word);
	*(double *)to = percent / 100;
	return 0;
}

static int take_times(const char *name, const char *word, void *to)
{
	return take_number(name, word, TIMES_MAX, to);
}

static int take_whole_seconds(const char *name, const char *word, void *to)
{
	return take_number(name, word, SECONDS_MAX, to);
}

static const struct option_row rows[] = {
	{ "seconds", 0, "N", take_whole_seconds, &seconds,
	  "count requests for so long, and advise limits by their\nrates and not by entries" },
	{ "threshold", 0, "PERCENT", take_percent, &threshold,
	  "of the table, from which a service is worth it (5)" },
	{ "times", 0, "N", take_times, &times,
	  "a source with more than N times the requests, or entries,\nof the median source of its "
	  "service is over-eager (10)" },
	{ .name = NULL },
};

/* --- collecting ------------------------------------------------------- */

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
	json_t *object = json_pack("{s:s, s:s, s:I, s:I}", "service", advice->service,
				   "prefix", advice->prefix, "count", (json_int_t)advice->count,
				   "median", (json_int_t)advice->median);

	if (advice->limit) {
		json_object_set_new(object, "above", json_string(advice->limit->above));
		json_object_set_new(object, "burst", json_integer(advice->limit->burst));
		json_object_set_new(object, "rate", json_real(advice->rate));
		json_object_set_new(object, "median-rate", json_real(advice->median_rate));
	}

	return json_array_append_new(advise->clients, object) ? -ENOMEM : 0;
}

static const char *word(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- as configuration file -------------------------------------------- */

/* Advice on one family is for that one: the other's definition stays as it is. */
static int print_service(json_t *advice, const char *families)
{
	struct notrack_service words = { .size = sizeof(words), .name = word(advice, "service"),
					 .families = families };
	const char *verdict = word(advice, "verdict"), *key;
	json_t *value;

	printf("# %s: %" JSON_INTEGER_FORMAT " entries, %.1f%% of the table: %s%s\n", words.name,
	       number(advice, "count"), 100 * json_real_value(json_object_get(advice, "share")),
	       strcmp(verdict, "leave") ? "" : "left alone: ", word(advice, "text"));
	if (!strcmp(verdict, "untrack")) {
		json_object_foreach(advice, key, value)
			notrack_service_set(&words, key, json_string_value(value));
		if (config_print_service(&words))
			return -ENOMEM;
	}
	putchar('\n');
	return 0;
}

static void print_source(json_t *client, const char *service)
{
	json_t *rate = json_object_get(client, "rate");

	if (rate)
		printf("# %s: %.1f requests a second, the median source of %s has %.1f\n",
		       word(client, "prefix"), json_real_value(rate), service,
		       json_real_value(json_object_get(client, "median-rate")));
	else
		printf("# %s: %" JSON_INTEGER_FORMAT " entries, the median source of %s has %"
		       JSON_INTEGER_FORMAT "\n", word(client, "prefix"), number(client, "count"),
		       service, number(client, "median"));
}

/*
 * They come service by service, with one limit each; one whose rate nobody has counted is a
 * comment without a figure, as a guess would drop requests.
 */
static int print_limit(json_t *clients, size_t first, size_t *next)
{
	const char *service = word(json_array_get(clients, first), "service");
	size_t size = json_array_size(clients), count = 0;
	const char **prefixes = calloc(size, sizeof(*prefixes));
	const char *margin = json_object_get(json_array_get(clients, first), "rate") ? "" : "# ";

	if (!prefixes)
		return -ENOMEM;
	for (*next = first; *next < size; ++*next) {
		json_t *client = json_array_get(clients, *next);

		if (strcmp(word(client, "service"), service))
			break;
		print_source(client, service);
		prefixes[count++] = word(client, "prefix");
	}
	if (*margin)
		puts("# How often it asks, entries do not tell: notrackctl advise --seconds 10 counts.");
	printf("%s[limit %s]\n", margin, service);
	config_print_words(margin, "clients", prefixes, count);
	if (*margin)
		puts("# above = N/sec\n");
	else
		printf("above = %s\nburst = %" JSON_INTEGER_FORMAT "\n\n",
		       word(json_array_get(clients, first), "above"),
		       number(json_array_get(clients, first), "burst"));
	free(prefixes);
	return 0;
}

static int count_service(const struct notrack_service *service, void *data)
{
	(void)service;
	++*(size_t *)data;
	return 0;
}

/* What is in the kernel belongs in the file, since apply removes what is not. */
static int print_present(struct notrack *nt)
{
	size_t present = 0;
	int err = notrack_each_service(nt, count_service, &present);

	if (err || !present)
		return err;
	printf("# in the kernel already\n");
	return config_print_services(nt);
}

static void print_totals(const struct notrack_conntrack *totals)
{
	printf("# the connection tracking table has %" PRIu64 " entries", totals->count);
	if (totals->max)
		printf(" of at most %" PRIu64, totals->max);
	printf("; so far, %" PRIu64 " packets were dropped\n\n", totals->dropped);
}

static bool advises_any(const struct advise *advise)
{
	json_t *service;
	size_t i;

	json_array_foreach(advise->services, i, service)
		if (!strcmp(word(service, "verdict"), "untrack"))
			return true;
	return false;
}

static int print_config(const struct advise *advise, const struct options *options)
{
	const char *families = options->families == NOTRACK_IPV4 ? "ipv4" :
			       options->families == NOTRACK_IPV6 ? "ipv6" : NULL;
	json_t *service;
	size_t i, next = 0;
	int err = 0;

	print_totals(&advise->totals);
	config_print_host();
	putchar('\n');
	json_array_foreach(advise->services, i, service)
		if (!err)
			err = print_service(service, families);
	for (i = 0; i < json_array_size(advise->clients) && !err; i = next)
		err = print_limit(advise->clients, i, &next);
	if (!advises_any(advise))
		printf("# nothing more to untrack\n\n");
	return err ? err : print_present(advise->nt);
}

static int print_json(const struct advise *advise)
{
	json_t *root = json_pack("{s:I, s:I, s:O, s:O}", "count", (json_int_t)advise->totals.count,
				 "max", (json_int_t)advise->totals.max,
				 "services", advise->services, "clients", advise->clients);

	return json_print(root, JSON_LINES);
}

static int collect(struct advise *advise, const struct options *options)
{
	const struct notrack_usage_request everything = { .size = sizeof(everything) };
	const struct notrack_advise_request request = { .size = sizeof(request),
							.threshold = threshold,
							.times = times, .seconds = seconds };
	int err = notrack_load(advise->nt);

	/* a look is worth having without tables of rules, a configuration for them is not */
	if (err < 0 && (err != -EPROTONOSUPPORT || !options->json))
		return err;
	err = notrack_usage(advise->nt, &everything, &advise->totals, NULL, NULL);
	return err ? err : notrack_advise(advise->nt, &request, add_service, add_client, advise);
}

/* Where standard output is a pipe to apply, this is what it complains about. */
static int fail_visibly(const struct options *options, const struct notrack *nt, int err)
{
	if (!options->json)
		puts("no advice: see the error");
	return complain_notrack(nt, err);
}

static int run_advise(const struct options *options)
{
	int code = EXIT_DONE, err;
	struct advise advise = { .nt = open_context(options, &code),
				 .totals = { .size = sizeof(advise.totals) } };

	if (!advise.nt)
		return code;
	advise.services = json_array();
	advise.clients = json_array();
	err = collect(&advise, options);
	if (!err && options->json)
		code = print_json(&advise);
	else if (!err)
		err = print_config(&advise, options);
	if (err)
		code = fail_visibly(options, advise.nt, err);
	json_decref(advise.services);
	json_decref(advise.clients);
	notrack_free(advise.nt);
	return code;
}

const struct command command_advise = {
	.name = "advise",
	.arguments = "",
	.summary = "print what to untrack, and whom to limit",
	.help = "Print which services to untrack and which clients to limit, judged by what is in\n"
		"the connection tracking table now, as configuration with the figures in comments:\n"
		"notrackctl advise | notrackctl apply --dry-run -\n",
	.rows = rows,
	.run = run_advise,
};
