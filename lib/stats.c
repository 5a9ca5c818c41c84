/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters of services and clients, as the rules of both tables have them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "context.h"
#include "legacy/table.h"
#include "legacy/tree_read.h"

struct service_row {
	char name[SERVICE_NAME_MAX + 1];
	enum family family;
	struct notrack_count untracked, accepted;
};

struct client_row {
	char service[SERVICE_NAME_MAX + 1];
	struct tree_client client;
};

/* Read first, told later: visitors do not run in the kernel's time. */
struct collection {
	struct service_row *services;
	size_t service_count;
	struct client_row *clients;
	size_t client_count, client_room;
	const char *service;		/* whose clients are being read */
	enum family family;
};

static void add_count(struct notrack_count *sum, const struct notrack_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

static struct notrack_count sum_target(const struct ruleset *rules, const char *service,
				       enum target target)
{
	static const char *const suffixes[] = { CHAIN_IN, CHAIN_OUT };
	struct notrack_count sum = { 0 };
	char name[CHAIN_NAME_MAX + 1];

	for (size_t i = 0; i < 2; i++) {
		const struct chain *chain;

		service_chain_name(name, service, suffixes[i]);
		chain = ruleset_find(rules, name);
		for (size_t j = 0; chain && j < chain->count; j++)
			if (chain->rules[j].target == target)
				add_count(&sum, &chain->rules[j].count);
	}
	return sum;
}

static int collect_client(const struct tree_client *client, void *data)
{
	struct collection *all = data;
	struct client_row *row;

	if (all->client_count == all->client_room) {
		size_t room = all->client_room ? 2 * all->client_room : 16;

		row = realloc(all->clients, room * sizeof(*row));
		if (!row)
			return -ENOMEM;
		all->clients = row;
		all->client_room = room;
	}
	row = &all->clients[all->client_count++];
	strcpy(row->service, all->service);
	row->client = *client;
	row->client.rate = NULL;	/* does not outlive the table */
	return 0;
}

static int collect_service(struct collection *all, const struct ruleset rules[TABLES],
			   const char *name)
{
	struct service_row *row = realloc(all->services,
					  (all->service_count + 1) * sizeof(*row));

	if (!row)
		return -ENOMEM;
	all->services = row;
	row += all->service_count++;
	strcpy(row->name, name);
	row->family = all->family;
	row->untracked = sum_target(&rules[RAW], name, TARGET_NOTRACK);
	row->accepted = sum_target(&rules[FILTER], name, TARGET_ACCEPT);
	all->service = name;
	return tree_read_clients(&rules[FILTER], name, collect_client, all);
}

/* "NOTRACK-dns-in" is the chain of a service named dns. */
static bool name_of_chain(const char *chain, char name[SERVICE_NAME_MAX + 1])
{
	size_t head = strlen(CHAIN_PREFIX), tail = strlen(CHAIN_IN), size = strlen(chain);

	if (size <= head + tail || size - head - tail > SERVICE_NAME_MAX ||
	    strcmp(chain + size - tail, CHAIN_IN))
		return false;
	memcpy(name, chain + head, size - head - tail);
	name[size - head - tail] = '\0';
	return true;
}

/* Halfway through a change, two rules lead to the chain of a service. */
static bool is_collected(const struct collection *all, const char *name)
{
	for (size_t i = 0; i < all->service_count; i++)
		if (all->services[i].family == all->family && !strcmp(all->services[i].name, name))
			return true;
	return false;
}

static int collect_family(struct notrack *nt, struct collection *all)
{
	struct ruleset rules[TABLES] = { 0 };
	const struct chain *top;
	char name[SERVICE_NAME_MAX + 1];
	int err = 0;

	for (enum table_id id = RAW; id < TABLES && !err; id++) {
		struct table table = { 0 };

		if (!table_exists(&xt_families[all->family], id))
			continue;
		err = table_open(&table, &xt_families[all->family], id, nt->netns_fd >= 0, &nt->error);
		if (!err)
			err = table_read(&table, &rules[id], &nt->error);
		table_close(&table);
	}
	top = err ? NULL : ruleset_find(&rules[FILTER], CHAIN_PREFIX "INPUT");
	for (size_t i = 0; top && i < top->count && !err; i++) {
		if (top->rules[i].target != TARGET_JUMP || !name_of_chain(top->rules[i].chain, name) ||
		    is_collected(all, name))
			continue;
		err = collect_service(all, rules, name);
		if (err)
			error_set(&nt->error, err, "out of memory");
	}
	for (enum table_id id = RAW; id < TABLES; id++)
		ruleset_free(&rules[id]);
	return err;
}

static int collect(struct notrack *nt, void *data)
{
	struct collection *all = data;
	int err = 0;

	for (all->family = IPV4; all->family < FAMILIES && !err; all->family++)
		if (context_has(nt, all->family))
			err = collect_family(nt, all);
	return err;
}

static int compare_services(const void *a, const void *b)
{
	const struct service_row *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (int)one->family - (int)other->family;
}

static int compare_clients(const void *a, const void *b)
{
	const struct client_row *one = a, *other = b;
	int order = strcmp(one->service, other->service);

	return order ? order : prefix_compare(&one->client.prefix, &other->client.prefix);
}

static int report_service(const struct service_row *row,
			int (*visit)(const struct notrack_service_stats *, void *), void *data)
{
	const struct notrack_service_stats stats = {
		.size = sizeof(stats),
		.name = row->name,
		.family = 1u << row->family,
		.untracked = row->untracked,
		.accepted = row->accepted,
	};

	return visit(&stats, data);
}

/* The rules are read one after the other: a packet in between is in the later one alone. */
static uint64_t less(uint64_t seen, uint64_t passed)
{
	return seen > passed ? seen - passed : 0;
}

static int report_client(const struct client_row *row,
		       int (*visit)(const struct hashlimit_stats *, void *), void *data)
{
	const struct tree_client *client = &row->client;
	char text[PREFIX_TEXT];
	const struct hashlimit_stats stats = {
		.size = sizeof(stats),
		.service = row->service,
		.prefix = prefix_format(&client->prefix, true, text),
		.seen = client->seen,
		.passed = client->passed,
		.dropped = { less(client->seen.packets, client->passed.packets),
			     less(client->seen.bytes, client->passed.bytes) },
	};

	return visit(&stats, data);
}

int notrack_stats(struct notrack *nt,
		  int (*service)(const struct notrack_service_stats *stats, void *data),
		  int (*client)(const struct hashlimit_stats *stats, void *data),
		  void *data)
{
	struct collection all = { 0 };
	int result;

	context_begin(nt);
	result = context_in_kernel(nt, collect, &all);
	if (!result && all.service_count)
		qsort(all.services, all.service_count, sizeof(*all.services), compare_services);
	if (!result && all.client_count)
		qsort(all.clients, all.client_count, sizeof(*all.clients), compare_clients);
	for (size_t i = 0; service && i < all.service_count && !result; i++)
		result = report_service(&all.services[i], service, data);
	for (size_t i = 0; client && i < all.client_count && !result; i++)
		result = report_client(&all.clients[i], client, data);
	free(all.services);
	free(all.clients);
	return result;
}
