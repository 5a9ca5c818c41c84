/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls about the limits of the model: clients, and the sources that are counted now. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "layout.h"
#include "support/memory.h"

static const char *const family_names[FAMILIES] = { "IPv4", "IPv6" };

/* --- clients ---------------------------------------------------------- */

/* No product of a count that is within it overflows. */
#define CLIENTS_MAX (SIZE_MAX / 64)

/* An empty list may be NULL. */
#define LIST(list, count) { #list, (list) || !(count) }

struct request {
	bool removes;			/* whom the service could not limit, it does not */
	struct prefix *prefixes;	/* IPv4 first */
	size_t count[FAMILIES];
	struct served *served[FAMILIES];
};

static int find_served(struct notrack *nt, const char *service, struct request *request)
{
	bool found = false;
	int err = service_check_name(service, &nt->error);

	if (err)
		return err;
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (context_has(nt, family))
			request->served[family] = model_find(&nt->model.families[family], service);
		found |= request->served[family] != NULL;
	}
	return found ? 0 : error_set(&nt->error, -ENOENT, "service %s: there is none of that name; "
				"add it first", service);
}

static int check_prefix(struct notrack *nt, const char *service, const struct prefix *prefix,
			const struct request *request)
{
	const struct served *served = request->served[prefix->family];
	const int err = request->removes ? -ENOENT : -EINVAL;
	char text[PREFIX_TEXT];

	if (!context_has(nt, prefix->family))
		return error_set(&nt->error, -EINVAL, "client %s: is %s, which was not asked for",
			    prefix_format(prefix, true, text), family_names[prefix->family]);
	if (!served)
		return error_set(&nt->error, err, "client %s: service %s is not in %s",
			    prefix_format(prefix, true, text), service,
			    family_names[prefix->family]);
	if (!(served->service->roles & INBOUND))
		return error_set(&nt->error, err, "client %s: service %s is outbound only and has "
			    "no clients", prefix_format(prefix, true, text), service);
	return 0;
}

static int parse_client(struct notrack *nt, const char *service, const char *word,
			struct prefix *prefix, const struct request *request)
{
	int err = word ? prefix_parse(prefix, word, &nt->error) :
		  error_set(&nt->error, -EINVAL, "service %s: one of the clients is NULL", service);

	return err ? err : check_prefix(nt, service, prefix, request);
}

static int parse_clients(struct notrack *nt, const char *service, const char *const *words,
			 size_t count, struct request *request)
{
	struct prefix *prefixes;
	size_t next[FAMILIES] = { 0 };
	int err = 0;

	if (count > CLIENTS_MAX)
		return error_set(&nt->error, -EINVAL, "service %s: %zu clients are more than memory "
				 "could ever hold", service, count);
	prefixes = calloc(count + 1, sizeof(*prefixes));
	request->prefixes = calloc(count + 1, sizeof(*prefixes));
	if (!prefixes || !request->prefixes)
		err = error_set(&nt->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !err; i++) {
		err = parse_client(nt, service, words[i], &prefixes[i], request);
		if (!err)
			request->count[prefixes[i].family]++;
	}
	next[IPV6] = request->count[IPV4];
	for (size_t i = 0; i < count && !err; i++)
		request->prefixes[next[prefixes[i].family]++] = prefixes[i];
	free(prefixes);
	return err;
}

static const struct prefix *prefixes_of(const struct request *request, enum family family)
{
	return request->prefixes + (family == IPV6 ? request->count[IPV4] : 0);
}

/* Both families: what can fail comes first. */
static int add_to_both(struct notrack *nt, const struct request *request,
		       const struct limit_rate rates[FAMILIES])
{
	struct clients_change changes[FAMILIES];
	enum family ready = IPV4;
	int err = 0;

	for (; ready < FAMILIES && !err; ready++)
		err = clients_prepare(&request->served[ready]->clients,
				      prefixes_of(request, ready), request->count[ready],
				      &rates[ready], &changes[ready]);
	if (err)
		ready--;
	for (enum family family = IPV4; family < ready; family++) {
		struct clients *clients = &request->served[family]->clients;

		if (err)
			clients_cancel(clients, &changes[family]);
		else
			clients_finish(clients, prefixes_of(request, family),
				       request->count[family], &changes[family]);
	}
	return err ? error_set(&nt->error, err, "out of memory") : 0;
}

static int add_clients(struct notrack *nt, const struct request *request,
		       const struct hashlimit *words)
{
	struct limit_rate rates[FAMILIES] = { 0 };
	enum family only;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (request->count[family])
			err = limit_parse(&rates[family], words, family, &nt->error);
	if (err)
		return err;
	if (!request->count[IPV4] && !request->count[IPV6])	/* judge the words all the same */
		return limit_parse(&rates[IPV6], words, IPV6, &nt->error);
	if (request->count[IPV4] && request->count[IPV6])
		return add_to_both(nt, request, rates);
	only = request->count[IPV4] ? IPV4 : IPV6;
	err = clients_add(&request->served[only]->clients, prefixes_of(request, only),
			  request->count[only], &rates[only]);
	return err ? error_set(&nt->error, err, "out of memory") : 0;
}

/* Whether there are limits wherever the request has clients: the way to them stays. */
static bool has_clients(const struct request *request)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (request->count[family] && !clients_any(&request->served[family]->clients))
			return false;
	return true;
}

int hashlimit_add_clients(struct notrack *nt, const char *service,
			  const char *const *prefixes, size_t count,
			  const struct hashlimit *limit)
{
	struct request request = { 0 };
	struct hashlimit all;
	bool had;
	int err = context_begin(nt, ARGUMENT(service), LIST(prefixes, count), ARGUMENT(limit));

	if (!err)
		err = layout_take(&layout_limit, &all, limit, &nt->error);
	if (!err)
		err = find_served(nt, service, &request);
	if (!err)
		err = parse_clients(nt, service, prefixes, count, &request);
	had = !err && has_clients(&request);
	if (!err)
		err = add_clients(nt, &request, &all);
	if (!err) {
		nt->clients_only &= had;
		nt->clients_changed = true;
	}
	free(request.prefixes);
	return err;
}

int hashlimit_add_client(struct notrack *nt, const char *service,
			 const char *prefix, const struct hashlimit *limit)
{
	int err = context_begin(nt, ARGUMENT(service), ARGUMENT(prefix), ARGUMENT(limit));

	return err ? err : hashlimit_add_clients(nt, service, &prefix, 1, limit);
}

static int take_off(struct notrack *nt, struct clients *clients, const struct prefix *prefix)
{
	if (!clients->partial)
		clients_remove(clients, prefix);
	else if (clients_take_off(clients, prefix))
		return error_set(&nt->error, -ENOMEM, "out of memory");
	return 0;
}

int hashlimit_remove_clients(struct notrack *nt, const char *service,
			     const char *const *prefixes, size_t count)
{
	UNCANCELLED;
	struct request request = { .removes = true };
	char text[PREFIX_TEXT];
	int err = context_begin(nt, ARGUMENT(service), LIST(prefixes, count));

	if (!err)
		err = find_served(nt, service, &request);
	if (!err)
		err = parse_clients(nt, service, prefixes, count, &request);
	if (!err && count > 1)		/* all are taken off, or none */
		err = context_complete(nt);
	for (size_t i = 0; i < count && !err; i++) {
		const struct prefix *prefix = &request.prefixes[i];
		int limited = context_has_client(nt, request.served[prefix->family], prefix);

		err = limited > 0 ? 0 : limited < 0 ? limited :
		      error_set(&nt->error, -ENOENT, "client %s: service %s does not limit it",
				prefix_format(prefix, true, text), service);
	}
	for (size_t i = 0; i < count && !err; i++)
		err = take_off(nt, &request.served[request.prefixes[i].family]->clients,
			       &request.prefixes[i]);
	if (!err) {
		nt->clients_only &= has_clients(&request);
		nt->clients_changed = true;
	}
	free(request.prefixes);
	return err;
}

int hashlimit_remove_client(struct notrack *nt, const char *service, const char *prefix)
{
	int err = context_begin(nt, ARGUMENT(prefix));

	return err ? err : hashlimit_remove_clients(nt, service, &prefix, 1);
}

int hashlimit_has_client(struct notrack *nt, const char *service, const char *prefix)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(service), ARGUMENT(prefix));
	struct request request = { 0 };
	struct prefix parsed;

	if (!err)
		err = find_served(nt, service, &request);
	if (!err)
		err = prefix_parse(&parsed, prefix, &nt->error);
	if (err)
		return err;
	return request.served[parsed.family] ?
	       context_has_client(nt, request.served[parsed.family], &parsed) : 0;
}

/* --- visiting ----------------------------------------------------------- */

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
		row->words.above = NULL;	/* visit_group() says it for all of a group */
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
	UNCANCELLED;
	struct notrack_service words;
	struct row *rows = NULL;
	size_t count = 0, end;
	bool found = false;
	int result = context_begin(nt, ARGUMENT(service), ARGUMENT(visit));

	if (!result)
		result = layout_take(&layout_service, &words, service, &nt->error);
	if (!result)
		result = service_check_name(words.name, &nt->error);
	if (!result)
		result = context_complete(nt);
	for (enum family f = IPV4; f < FAMILIES && !result; f++) {
		struct served *served = model_find(&nt->model.families[f], words.name);

		if (!served || !context_has(nt, f) ||
		    (words.families && strcmp(words.families, f == IPV4 ? "ipv4" : "ipv6")))
			continue;
		found = true;
		result = add_rows(&rows, &count, &served->clients, f);
	}
	if (!result && !found)
		result = error_set(&nt->error, -ENOENT, "service %s: there is none of that name",
			      words.name);
	if (count)
		qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < count && !result; i = end) {
		for (end = i + 1; end < count && !compare_limits(&rows[i], &rows[end]);)
			end++;
		result = visit_group(rows + i, end - i, visit, data);
	}
	free(rows);
	if (result == -ENOMEM)
		error_set(&nt->error, result, "out of memory");
	return result;
}

/* --- sources that limits count ------------------------------------------ */

struct buckets {
	const char *service;
	struct bucket *list;
	size_t count;
};

static int collect(const struct bucket *bucket, void *data)
{
	struct buckets *buckets = data;
	struct bucket *grown = memory_grow(buckets->list, buckets->count, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	buckets->list = grown;
	grown[buckets->count++] = *bucket;
	return 0;
}

static int read_in_kernel(struct notrack *nt, void *data)
{
	struct session session = context_session(nt);
	struct buckets *buckets = data;
	int err = context_choose(nt);
	const struct backend *backend = backends[context_chosen(nt)];

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		const struct served *served = model_find(&nt->model.families[family], buckets->service);

		if (served && context_has(nt, family))
			err = backend->buckets(&session, buckets->service, &served->clients, family,
					       collect, buckets);
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct bucket *one = a, *other = b;

	if (one->available != other->available)
		return one->available < other->available ? -1 : 1;
	if (one->available == UINT32_MAX && one->expires_ms != other->expires_ms)
		return one->expires_ms > other->expires_ms ? -1 : 1;
	return prefix_compare(&one->source, &other->source);
}

static int report(const struct bucket *bucket,
		int (*visit)(const struct hashlimit_bucket *, void *), void *data)
{
	char text[PREFIX_TEXT], above[LIMIT_ABOVE_TEXT];
	const struct hashlimit_bucket told = {
		.size = sizeof(told),
		.source = prefix_format(&bucket->source, true, text),
		.above = above,
		.burst = bucket->rate->burst,
		.available = bucket->available,
		.expires_ms = bucket->expires_ms,
	};

	limit_format_above(bucket->rate->period, above);
	return visit(&told, data);
}

int hashlimit_each_bucket(struct notrack *nt, const char *service,
			  int (*visit)(const struct hashlimit_bucket *bucket, void *data),
			  void *data)
{
	UNCANCELLED;
	struct buckets buckets = { .service = service };
	int result = context_begin(nt, ARGUMENT(service), ARGUMENT(visit));

	if (!result)
		result = service_check_name(service, &nt->error);
	if (!result && !model_find(&nt->model.families[IPV4], service) &&
	    !model_find(&nt->model.families[IPV6], service))
		result = error_set(&nt->error, -ENOENT, "service %s: there is none of that name", service);
	if (!result)
		result = context_complete(nt);
	if (!result)
		result = context_in_kernel(nt, read_in_kernel, &buckets);
	if (!result && buckets.count)
		qsort(buckets.list, buckets.count, sizeof(*buckets.list), compare);
	for (size_t i = 0; i < buckets.count && !result; i++)
		result = report(&buckets.list[i], visit, data);
	free(buckets.list);
	return result;
}
