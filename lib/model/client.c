/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/client.h"
#include "support/memory.h"
#include "support/search.h"

/* Room to spare, in clients. */
#define ROOM_MIN 64

/* --- limits ----------------------------------------------------------- */

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

static void move(struct clients *clients, struct client *client, struct limit *limit)
{
	if (client->limit) {
		client->limit->clients--;
		clients->count--;
	}
	client->limit = limit;
	if (limit) {
		limit->clients++;
		clients->count++;
	}
}

/* --- finding ---------------------------------------------------------- */

static int compare_prefix(const void *prefix, const void *client)
{
	return prefix_compare(prefix, &((const struct client *)client)->prefix);
}

/* Where @prefix is in a list, or belongs. */
static size_t find_place(const struct client *list, size_t count, const struct prefix *prefix,
			 bool *found)
{
	return search_place(prefix, list, count, sizeof(*list), compare_prefix, found);
}

static struct client *find(const struct clients *clients, const struct prefix *prefix)
{
	bool found;
	size_t place = find_place(clients->list, clients->list_count, prefix, &found);

	if (found)
		return &clients->list[place];
	place = find_place(clients->recent, clients->recent_count, prefix, &found);
	return found ? &clients->recent[place] : NULL;
}

const struct client *clients_find(const struct clients *clients, const struct prefix *prefix)
{
	return find(clients, prefix);
}

bool clients_has(const struct clients *clients, const struct prefix *prefix)
{
	const struct client *client = find(clients, prefix);

	return client && client->limit;
}

/* --- adding ----------------------------------------------------------- */

/* One more, at the end; a partial list keeps who was taken off, until he is back. */
static size_t append(const struct clients *clients, struct client *list, size_t count,
		     const struct client *client)
{
	if (count && !list[count - 1].limit &&
	    !prefix_compare(&list[count - 1].prefix, &client->prefix))
		count--;
	else if (!client->limit && !clients->partial)
		return count;
	list[count++] = *client;
	return count;
}

/* Both lists and @more, in order, as one; what was taken off is left out. */
static int merge(const struct clients *clients, const struct client *more, size_t more_count,
		 size_t room, struct clients_change *merged)
{
	const struct client *sources[] = { clients->list, clients->recent, more };
	size_t left[] = { clients->list_count, clients->recent_count, more_count };
	size_t count = 0;
	struct client *list;

	room += left[0] + left[1] + left[2];
	list = memory_get(room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (left[0] || left[1] || left[2]) {
		size_t first = left[0] ? 0 : left[1] ? 1 : 2;

		for (size_t i = first + 1; i < 3; i++)
			if (left[i] && prefix_compare(&sources[i]->prefix,
						      &sources[first]->prefix) < 0)
				first = i;
		count = append(clients, list, count, sources[first]);
		sources[first]++;
		left[first]--;
	}
	merged->list = list;
	merged->count = count;
	merged->room = room;
	return 0;
}

static void install(struct clients *clients, const struct clients_change *merged)
{
	memory_put(clients->list, clients->list_room * sizeof(*clients->list));
	clients->list = merged->list;
	clients->list_count = merged->count;
	clients->list_room = merged->room;
	clients->recent_count = 0;
}

static bool comes_last(const struct clients *clients, const struct prefix *prefix)
{
	return !clients->recent_count &&
	       (!clients->list_count ||
		prefix_compare(prefix, &clients->list[clients->list_count - 1].prefix) > 0);
}

/* Who comes in order, as in a load, goes on: half as much room again. */
static int lengthen(struct clients *clients)
{
	size_t room = clients->list_count + clients->list_count / 2 + ROOM_MIN;
	struct client *list = memory_enlarge(clients->list, clients->list_room * sizeof(*list),
					     room * sizeof(*list));

	if (!list)
		return -ENOMEM;
	clients->list = list;
	clients->list_room = room;
	return 0;
}

/* Room for one more in the short list, or at the end of the long one. */
static int reserve(struct clients *clients)
{
	struct clients_change merged;

	if (!clients->recent) {
		clients->recent = calloc(RECENT_MAX, sizeof(*clients->recent));
		if (!clients->recent)
			return -ENOMEM;
	}
	if (clients->recent_count < RECENT_MAX && clients->list_count < clients->list_room)
		return 0;
	/* a merge is the occasion to leave out those who were taken off */
	if (!clients->recent_count && clients->count == clients->list_count)
		return lengthen(clients);
	if (merge(clients, NULL, 0, clients->list_count / 8 + ROOM_MIN, &merged))
		return -ENOMEM;
	install(clients, &merged);
	return 0;
}

static void insert(struct clients *clients, const struct prefix *prefix, struct limit *limit)
{
	struct client *client;
	bool found;

	if (comes_last(clients, prefix)) {
		client = &clients->list[clients->list_count++];
	} else {
		size_t place = find_place(clients->recent, clients->recent_count, prefix, &found);

		client = &clients->recent[place];
		memmove(client + 1, client, (clients->recent_count++ - place) * sizeof(*client));
	}
	*client = (struct client){ .prefix = *prefix };
	move(clients, client, limit);
}

static int add_one(struct clients *clients, const struct prefix *prefix, struct limit *limit)
{
	struct client *client = comes_last(clients, prefix) ? NULL : find(clients, prefix);

	if (client) {
		move(clients, client, limit);
		return 0;
	}
	if (reserve(clients))
		return -ENOMEM;
	insert(clients, prefix, limit);
	return 0;
}

static int compare_clients(const void *a, const void *b)
{
	return prefix_compare(&((const struct client *)a)->prefix,
			      &((const struct client *)b)->prefix);
}

/* Those of @prefixes that are not there yet, once each, in order. */
static size_t pick_new(const struct clients *clients, struct client *more,
		       const struct prefix *prefixes, size_t count, struct limit *limit,
		       bool *moves)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!clients_has(clients, &prefixes[i]))
			more[kept++] = (struct client){ prefixes[i], limit };
	*moves = kept < count;
	if (!kept)
		return 0;
	qsort(more, kept, sizeof(*more), compare_clients);
	count = kept;
	kept = 1;
	for (size_t i = 1; i < count; i++)
		if (prefix_compare(&more[i].prefix, &more[kept - 1].prefix))
			more[kept++] = more[i];
	return kept;
}

int clients_prepare(struct clients *clients, const struct prefix *prefixes, size_t count,
		    const struct limit_rate *rate, struct clients_change *change)
{
	struct limit *limit = get_limit(clients, rate);
	struct client *more = memory_get(count * sizeof(*more));
	int err = -ENOMEM;

	*change = (struct clients_change){ .limit = limit };
	if (limit && more) {
		change->added = pick_new(clients, more, prefixes, count, limit, &change->moves);
		err = merge(clients, more, change->added,
			    (clients->list_count + change->added) / 8 + ROOM_MIN, change);
	}
	memory_put(more, count * sizeof(*more));
	if (err)
		drop_unused_limits(clients);
	return err;
}

void clients_finish(struct clients *clients, const struct prefix *prefixes, size_t count,
		    const struct clients_change *change)
{
	install(clients, change);
	clients->count += change->added;
	change->limit->clients += change->added;
	for (size_t i = 0; i < count && change->moves; i++)
		move(clients, find(clients, &prefixes[i]), change->limit);
	drop_unused_limits(clients);
}

void clients_cancel(struct clients *clients, const struct clients_change *change)
{
	memory_put(change->list, change->room * sizeof(*change->list));
	drop_unused_limits(clients);
}

int clients_add(struct clients *clients, const struct prefix *prefixes, size_t count,
		const struct limit_rate *rate)
{
	struct clients_change change;
	struct limit *limit;
	int err;

	if (count != 1) {
		err = clients_prepare(clients, prefixes, count, rate, &change);
		if (!err)
			clients_finish(clients, prefixes, count, &change);
		return err;
	}
	limit = get_limit(clients, rate);
	err = limit ? add_one(clients, prefixes, limit) : -ENOMEM;
	drop_unused_limits(clients);
	return err;
}

void clients_remove(struct clients *clients, const struct prefix *prefix)
{
	struct client *client = find(clients, prefix);

	if (!client || !client->limit)
		return;
	move(clients, client, NULL);
	drop_unused_limits(clients);
}

int clients_take_off(struct clients *clients, const struct prefix *prefix)
{
	struct client *client = find(clients, prefix);

	if (client) {
		move(clients, client, NULL);
		drop_unused_limits(clients);
		return 0;
	}
	if (reserve(clients))
		return -ENOMEM;
	insert(clients, prefix, NULL);
	return 0;
}

void clients_settle(struct clients *clients)
{
	bool others = clients_any(clients);

	clients_free(clients);
	clients->partial = true;
	clients->others = others;
}

void clients_free(struct clients *clients)
{
	struct limit *next;

	memory_put(clients->list, clients->list_room * sizeof(*clients->list));
	free(clients->recent);
	for (struct limit *limit = clients->limits; limit; limit = next) {
		next = limit->next;
		free(limit);
	}
	*clients = (struct clients){ 0 };
}

/* Both lists in order; @all: those that were taken off as well. */
static const struct client **list_clients(const struct clients *clients, bool all, size_t *count)
{
	size_t room = all ? clients->list_count + clients->recent_count : clients->count;
	const struct client **list = malloc((room + 1) * sizeof(*list));
	size_t i = 0, j = 0;

	*count = 0;
	while (list && (i < clients->list_count || j < clients->recent_count)) {
		bool recent = i == clients->list_count ||
			      (j < clients->recent_count &&
			       compare_clients(&clients->recent[j], &clients->list[i]) < 0);
		const struct client *client = recent ? &clients->recent[j++] : &clients->list[i++];

		if (client->limit || all)
			list[(*count)++] = client;
	}
	return list;
}

const struct client **clients_list(const struct clients *clients)
{
	size_t count;

	return list_clients(clients, false, &count);
}

const struct client **clients_changes(const struct clients *clients, size_t *count)
{
	return list_clients(clients, true, count);
}
