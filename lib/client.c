/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "client.h"

static int compare(const void *a, const void *b)
{
	return prefix_compare(&((const struct client *)a)->prefix,
			      &((const struct client *)b)->prefix);
}

static struct client *find(const struct clients *clients, const struct prefix *prefix)
{
	const struct client key = { .prefix = *prefix };
	struct client **node = tfind(&key, &clients->tree, compare);

	return node ? *node : NULL;
}

bool clients_has(const struct clients *clients, const struct prefix *prefix)
{
	return find(clients, prefix) != NULL;
}

static struct limit *get_limit(struct clients *clients, const struct limit_rate *rate)
{
	struct limit *limit;

	for (limit = clients->limits; limit; limit = limit->next)
		if (limit_rate_same(&limit->rate, rate))
			return limit;
	limit = calloc(1, sizeof(*limit));
	if (!limit)
		return NULL;
	limit->rate = *rate;
	limit->next = clients->limits;
	clients->limits = limit;
	return limit;
}

static void drop_unused_limits(struct clients *clients)
{
	struct limit **link = &clients->limits, *limit;

	while ((limit = *link)) {
		if (limit->clients) {
			link = &limit->next;
			continue;
		}
		*link = limit->next;
		free(limit);
	}
}

static void move(struct client *client, struct limit *limit)
{
	if (client->limit)
		client->limit->clients--;
	client->limit = limit;
	limit->clients++;
}

/* @before: the limit it had, or NULL for a new one. */
static int add(struct clients *clients, const struct prefix *prefix, struct limit *limit,
	       struct limit **before)
{
	struct client *client = find(clients, prefix);

	*before = client ? client->limit : NULL;
	if (!client) {
		client = calloc(1, sizeof(*client));
		if (!client)
			return -ENOMEM;
		client->prefix = *prefix;
		if (!tsearch(client, &clients->tree, compare)) {
			free(client);
			return -ENOMEM;
		}
		clients->count++;
	}
	move(client, limit);
	return 0;
}

static void discard(struct clients *clients, struct client *client)
{
	tdelete(client, &clients->tree, compare);
	client->limit->clients--;
	clients->count--;
	free(client);
}

int clients_add(struct clients *clients, const struct prefix *prefixes, size_t count,
		const struct limit_rate *rate)
{
	struct limit **before = calloc(count ? count : 1, sizeof(*before));
	struct limit *limit = before ? get_limit(clients, rate) : NULL;
	size_t done = 0;

	if (limit)
		while (done < count && !add(clients, &prefixes[done], limit, &before[done]))
			done++;
	if (!limit || done < count) {
		while (done--) {
			struct client *client = find(clients, &prefixes[done]);

			if (before[done])
				move(client, before[done]);
			else
				discard(clients, client);
		}
		count = SIZE_MAX;
	}
	drop_unused_limits(clients);
	free(before);
	return count == SIZE_MAX ? -ENOMEM : 0;
}

void clients_remove(struct clients *clients, const struct prefix *prefix)
{
	struct client *client = find(clients, prefix);

	if (!client)
		return;
	discard(clients, client);
	drop_unused_limits(clients);
}

void clients_free(struct clients *clients)
{
	struct limit *next;

	tdestroy(clients->tree, free);
	for (struct limit *limit = clients->limits; limit; limit = next) {
		next = limit->next;
		free(limit);
	}
	*clients = (struct clients){ 0 };
}

static void collect(const void *node, VISIT visit, void *data)
{
	const struct client ***next = data;

	if (visit == postorder || visit == leaf)
		*(*next)++ = *(const struct client *const *)node;
}

const struct client **clients_list(const struct clients *clients)
{
	const struct client **list = calloc(clients->count + 1, sizeof(*list));
	const struct client **next = list;

	if (list)
		twalk_r(clients->tree, collect, &next);
	return list;
}
