/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that show the model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

/* --- services --------------------------------------------------------- */

/* @twice: the other family has another service of that name. */
static int visit_service(struct notrack *nt, const struct service *service,
			 unsigned int families, bool twice,
			 int (*visit)(const struct notrack_service *, void *), void *data)
{
	struct notrack_service words;
	struct arena arena = { 0 };
	int result = service_format(service, &words, &arena);

	if (result)
		result = fail(&nt->error, result, "out of memory");
	else {
		if (twice || families != (service_families(service) & nt->families))
			words.families = families & NOTRACK_IPV4 ? "ipv4" : "ipv6";
		result = visit(&words, data);
	}
	arena_free(&arena);
	return result;
}

/* The services of both families side by side, by name. */
int notrack_each_service(struct notrack *nt,
			 int (*visit)(const struct notrack_service *service, void *data),
			 void *data)
{
	size_t next[FAMILIES] = { 0 };
	int result = 0;

	context_begin(nt);
	while (!result) {
		const struct service *at[FAMILIES] = { NULL };
		int order;

		for (enum family f = IPV4; f < FAMILIES; f++)
			if (context_has(nt, f) && next[f] < nt->model.families[f].count)
				at[f] = nt->model.families[f].served[next[f]].service;
		if (!at[IPV4] && !at[IPV6])
			break;
		order = !at[IPV4] ? 1 : !at[IPV6] ? -1 : strcmp(at[IPV4]->name, at[IPV6]->name);
		next[IPV4] += order <= 0;
		next[IPV6] += order >= 0;
		if (!order && service_same(at[IPV4], at[IPV6])) {
			result = visit_service(nt, at[IPV4], NOTRACK_ANY, false, visit, data);
			continue;
		}
		if (order <= 0)
			result = visit_service(nt, at[IPV4], NOTRACK_IPV4, !order, visit, data);
		if (order >= 0 && !result)
			result = visit_service(nt, at[IPV6], NOTRACK_IPV6, !order, visit, data);
	}
	return result;
}

/* --- limits ----------------------------------------------------------- */

/* A client, and its limit as the words have it: the same for both families. */
struct row {
	struct hashlimit words;
	uint64_t period;
	const struct client *client;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_limits(const struct row *a, const struct row *b)
{
	int order = compare_numbers(a->period, b->period);

	if (!order)
		order = compare_numbers(a->words.burst, b->words.burst);
	if (!order)
		order = compare_numbers(a->words.srcmask, b->words.srcmask);
	if (!order)
		order = compare_numbers(a->words.htable_max, b->words.htable_max);
	if (!order)
		order = compare_numbers(a->words.htable_size, b->words.htable_size);
	if (!order)
		order = compare_numbers(a->words.htable_expire_ms, b->words.htable_expire_ms);
	return order;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *one = a, *other = b;
	int order = compare_limits(one, other);

	return order ? order : prefix_compare(&one->client->prefix, &other->client->prefix);
}

static int add_rows(struct row **rows, size_t *count, const struct clients *clients,
		    enum family family)
{
	const struct client **list = clients_list(clients);
	struct row *grown = realloc(*rows, (*count + clients->count + 1) * sizeof(*grown));
	char above[LIMIT_ABOVE_TEXT];

	if (grown)
		*rows = grown;
	if (!list || !grown) {
		free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < clients->count; i++) {
		struct row *row = &grown[(*count)++];

		row->client = list[i];
		row->period = list[i]->limit->rate.period;
		limit_format(&list[i]->limit->rate, family, &row->words, above);
	}
	free(list);
	return 0;
}

static int visit_group(const struct row *rows, size_t count,
		       int (*visit)(const struct hashlimit *, const char *const *, size_t, void *),
		       void *data)
{
	char above[LIMIT_ABOVE_TEXT], text[PREFIX_TEXT];
	struct hashlimit words = rows[0].words;
	struct arena arena = { 0 };
	const char **clients = arena_alloc(&arena, count * sizeof(*clients));
	int result = clients ? 0 : -ENOMEM;

	limit_format_above(rows[0].period, above);
	words.above = above;
	for (size_t i = 0; i < count && !result; i++) {
		prefix_format(&rows[i].client->prefix, true, text);
		clients[i] = arena_strdup(&arena, text);
		if (!clients[i])
			result = -ENOMEM;
	}
	if (!result)
		result = visit(&words, clients, count, data);
	arena_free(&arena);
	return result;
}

int hashlimit_each(struct notrack *nt, const struct notrack_service *service,
		   int (*visit)(const struct hashlimit *limit,
				const char *const *clients, size_t count, void *data),
		   void *data)
{
	struct row *rows = NULL;
	size_t count = 0, end;
	bool found = false;
	int result = 0;

	context_begin(nt);
	for (enum family f = IPV4; f < FAMILIES && !result; f++) {
		struct served *served = model_find(&nt->model.families[f], service->name);

		if (!served || !context_has(nt, f) ||
		    (service->families && strcmp(service->families, f == IPV4 ? "ipv4" : "ipv6")))
			continue;
		found = true;
		result = add_rows(&rows, &count, &served->clients, f);
	}
	if (!result && !found)
		result = fail(&nt->error, -ENOENT, "service %s: there is none of that name",
			      service->name);
	if (count)
		qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < count && !result; i = end) {
		for (end = i + 1; end < count && !compare_limits(&rows[i], &rows[end]);)
			end++;
		result = visit_group(rows + i, end - i, visit, data);
	}
	free(rows);
	if (result == -ENOMEM)
		fail(&nt->error, result, "out of memory");
	return result;
}
