/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/tape.h"

#include <stdlib.h>
#include <string.h>

#include "support/memory.h"

/* Requests without attributes: what they ask for is all there is. */
#define REQUEST_MAX 32
#define ROOM_MIN ((size_t)64 * 1024)

/* Ahead of each datagram, which begins where a message has to. */
union head {
	size_t size;
	max_align_t aligned;
};

struct tape_dump {
	struct tape_dump *next;
	char request[REQUEST_MAX];	/* its sequence number is 0 */
	uint32_t sequence;
	char *bytes;			/* heads and datagrams */
	size_t size, room;
};

static size_t step_of(size_t size)
{
	return sizeof(union head) + (size + sizeof(union head) - 1) / sizeof(union head) *
	       sizeof(union head);
}

void tape_drop(struct tape_dump *dump)
{
	if (dump)
		memory_put(dump->bytes, dump->room);
	free(dump);
}

void tape_free(struct tape *tape)
{
	struct tape_dump *next;

	for (struct tape_dump *dump = tape->dumps; dump; dump = next) {
		next = dump->next;
		tape_drop(dump);
	}
	*tape = (struct tape){ 0 };
}

void tape_begin(struct tape *tape, uint32_t stamp)
{
	if (!tape || (tape->runs && tape->stamp == stamp))
		return;
	tape_free(tape);
	tape->stamp = stamp;
	tape->runs = true;
}

/* --- listening ---------------------------------------------------------- */

static bool write_request(char text[REQUEST_MAX], const struct nlmsghdr *request)
{
	struct nlmsghdr *copy = (void *)text;

	if (request->nlmsg_len > REQUEST_MAX)
		return false;
	memset(text, 0, REQUEST_MAX);
	memcpy(text, request, request->nlmsg_len);
	copy->nlmsg_seq = 0;
	return true;
}

const struct tape_dump *tape_find(const struct tape *tape, const struct nlmsghdr *request)
{
	const struct tape_dump *dump = tape ? tape->dumps : NULL;
	_Alignas(struct nlmsghdr) char text[REQUEST_MAX];

	if (!dump || !write_request(text, request))
		return NULL;
	while (dump && memcmp(dump->request, text, sizeof(text)))
		dump = dump->next;
	return dump;
}

uint32_t tape_sequence(const struct tape_dump *dump)
{
	return dump->sequence;
}

const void *tape_next(const struct tape_dump *dump, const void *datagram, size_t *size)
{
	const char *at = dump->bytes;

	if (!dump->size)
		return NULL;
	if (datagram) {
		const union head *head = (const union head *)datagram - 1;

		at = (const char *)head + step_of(head->size);
	}
	if (at == dump->bytes + dump->size)
		return NULL;
	*size = ((const union head *)(const void *)at)->size;
	return at + sizeof(union head);
}

/* --- recording ---------------------------------------------------------- */

struct tape_dump *tape_record(struct tape *tape, const struct nlmsghdr *request)
{
	struct tape_dump *dump;
	_Alignas(struct nlmsghdr) char text[REQUEST_MAX];

	if (!tape || !tape->runs || !write_request(text, request))
		return NULL;
	dump = calloc(1, sizeof(*dump));
	if (!dump)
		return NULL;
	memcpy(dump->request, text, sizeof(text));
	dump->sequence = request->nlmsg_seq;
	return dump;
}

static bool make_room(struct tape_dump *dump, size_t step)
{
	size_t room = dump->room ? dump->room : ROOM_MIN;
	char *bytes;

	while (room - dump->size < step)
		room *= 2;
	if (room == dump->room)
		return true;
	bytes = dump->bytes ? memory_enlarge(dump->bytes, dump->room, room) : memory_get(room);
	if (!bytes)
		return false;
	dump->bytes = bytes;
	dump->room = room;
	return true;
}

bool tape_add(const struct tape *tape, struct tape_dump *dump, const void *datagram, size_t size)
{
	size_t step = step_of(size);
	union head *head;

	if (!dump || tape->size + dump->size + step > TAPE_MAX || !make_room(dump, step))
		return false;
	head = (union head *)(void *)(dump->bytes + dump->size);
	head->size = size;
	memcpy(head + 1, datagram, size);
	dump->size += step;
	return true;
}

void tape_keep(struct tape *tape, struct tape_dump *dump)
{
	if (!dump)
		return;
	tape->size += dump->size;
	dump->next = tape->dumps;
	tape->dumps = dump;
}
