/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that read counters. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "support/memory.h"

struct service_row {
	char name[SERVICE_NAME_MAX + 1];
	enum family family;
	struct notrack_count untracked, accepted;
};

struct client_row {
	char service[SERVICE_NAME_MAX + 1];
	struct client_counts counts;
};

/* Results are collected first and reported after the kernel was read, so callbacks may take
 * their time. */
struct collection {
	struct service_row *services;
	size_t service_count;
	struct client_row *clients;
	size_t client_count;
};

static int collect_service(const char *name, enum family family,
			   const struct notrack_count *untracked,
			   const struct notrack_count *accepted, void *data)
{
	struct collection *all = data;
	struct service_row *rows = memory_grow(all->services, all->service_count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	all->services = rows;
	rows += all->service_count++;
	*rows = (struct service_row){ .family = family, .untracked = *untracked,
				      .accepted = *accepted };
	strcpy(rows->name, name);
	return 0;
}

static int collect_client(const char *service, const struct client_counts *counts, void *data)
{
	struct collection *all = data;
	struct client_row *rows = memory_grow(all->clients, all->client_count, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	all->clients = rows;
	rows += all->client_count++;
	rows->counts = *counts;
	strcpy(rows->service, service);
	return 0;
}

/* Counters are read anew, whatever was read under the lock before. */
static int collect(struct notrack *nt, void *data)
{
	const struct count_visitor visitor = { collect_service, collect_client, data };
	struct session session = context_session(nt);
	int err = 0;

	for (size_t i = 0; i < BACKENDS && !err; i++) {
		struct image *image;

		err = backends[i]->read(&session, PART_RULES | PART_CLIENTS, &image);
		if (err)
			break;
		err = backends[i]->count(image, &visitor);
		backends[i]->release(image);
		if (err == -ENOMEM)
			error_set(&nt->error, err, "out of memory");
	}
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

	return order ? order : prefix_compare(&one->counts.prefix, &other->counts.prefix);
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

static int report_client(const struct client_row *row,
		       int (*visit)(const struct hashlimit_stats *, void *), void *data)
{
	char text[PREFIX_TEXT];
	const struct hashlimit_stats stats = {
		.size = sizeof(stats),
		.service = row->service,
		.prefix = prefix_format(&row->counts.prefix, true, text),
		.seen = row->counts.seen,
		.passed = row->counts.passed,
		.dropped = row->counts.dropped,
	};

	return visit(&stats, data);
}

int notrack_stats(struct notrack *nt,
		  int (*service)(const struct notrack_service_stats *stats, void *data),
		  int (*client)(const struct hashlimit_stats *stats, void *data),
		  void *data)
{
	UNCANCELLED;
	struct collection all = { 0 };
	int result = context_begin(nt);

	if (!result)
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
