/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/describe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft/name.h"

/* Of "12/34 ". */
static size_t head_size(size_t number, size_t count)
{
	return (size_t)snprintf(NULL, 0, "%zu/%zu ", number, count);
}

/* How many pieces it takes, when each says so: more of them have longer heads. */
static size_t count_pieces(size_t size)
{
	size_t count = 1, needed;

	for (;;) {
		needed = (size + NFT_COMMENT_MAX - head_size(count, count) - 1) /
			 (NFT_COMMENT_MAX - head_size(count, count));
		if (needed <= count)
			return count;
		count = needed;
	}
}

static int add_piece(struct nft_table *table, struct nft_chain *chain, const char *text)
{
	struct nft_draft draft;

	nft_draft_begin(&draft);
	draft.rule.target = TARGET_RETURN;
	draft.rule.comment = text;
	return nft_chain_add(table, chain, &draft);
}

int nft_describe(struct nft_table *table, struct nft_chain *chain, const struct service *service,
		 unsigned int families)
{
	size_t count, room;
	char *line, *whole;
	int err = service_describe(service, &line, &table->arena);

	if (err)
		return err;
	whole = arena_alloc(&table->arena, strlen(line) + sizeof("; families = ipv4"));
	if (!whole)
		return -ENOMEM;
	sprintf(whole, "%s%s", line, families == NOTRACK_IPV4 ? "; families = ipv4" :
		families == NOTRACK_IPV6 ? "; families = ipv6" : "");
	count = count_pieces(strlen(whole));
	room = NFT_COMMENT_MAX - head_size(count, count);
	for (size_t i = 1; i <= count && !err; i++) {
		char piece[NFT_COMMENT_MAX + 1];

		snprintf(piece, sizeof(piece), "%zu/%zu %.*s", i, count, (int)room, whole);
		err = add_piece(table, chain, piece);
		whole += strnlen(whole, room);
	}
	return err;
}

/* --- and back ----------------------------------------------------------- */

struct piece {
	size_t number, count;
	const char *text;
};

static bool read_piece(struct piece *piece, const struct nft_rule *rule)
{
	int used = 0;

	if (!rule->comment || sscanf(rule->comment, "%9zu/%9zu%n", &piece->number, &piece->count,
				     &used) != 2 || rule->comment[used] != ' ')
		return false;
	piece->text = rule->comment + used + 1;
	return true;
}

static int read_line(char *line, const char *name,
		     int (*take)(struct service *service, unsigned int families, void *data),
		     void *data)
{
	unsigned int families = NOTRACK_ANY;
	struct error ignored;
	struct service *service;
	int err = service_read(&service, line, &families, &ignored);

	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	err = strcmp(service->name, name) ? -EBADMSG : take(service, families, data);
	service_unref(service);
	return err;
}

/* One description, from rule *@next on; false: a piece is missing. */
static bool join_pieces(const struct nft_chain *chain, size_t *next, char *line)
{
	struct piece piece, first;

	if (!read_piece(&first, &chain->rules[*next]))
		return false;
	*line = '\0';
	for (size_t i = 1; i <= first.count; i++, ++*next) {
		if (*next == chain->count || !read_piece(&piece, &chain->rules[*next]) ||
		    piece.number != i || piece.count != first.count)
			return false;
		strcat(line, piece.text);
	}
	return first.count;
}

static size_t comments_size(const struct nft_chain *chain)
{
	size_t size = 1;

	for (size_t i = 0; i < chain->count; i++)
		size += chain->rules[i].comment ? strlen(chain->rules[i].comment) : 0;
	return size;
}

int nft_description_read(const struct nft_chain *chain,
			 int (*take)(struct service *service, unsigned int families, void *data),
			 void *data)
{
	const char *name = nft_service_of(chain->name, NFT_SERVICE);
	char *line = malloc(comments_size(chain));
	size_t next = 0;
	int err = line ? 0 : -ENOMEM;

	while (next < chain->count && !chain->rules[next].comment)
		next++;
	if (!err && next == chain->count)
		err = -EBADMSG;
	while (!err && next < chain->count) {
		err = join_pieces(chain, &next, line) ? read_line(line, name, take, data) :
							-EBADMSG;
	}
	free(line);
	return err;
}
