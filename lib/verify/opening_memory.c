/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/opening_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/hash.h"

static uint64_t hash_chain(const struct view_chain *base)
{
	uint64_t hash = hash_text(HASH_BEGIN + base->table->world, base->table->family_name);

	return hash_text(hash_text(hash, base->table->name), base->name);
}

static struct opening_note *find(const struct opening_memory *memory, uint64_t chain,
				 enum family family, const char *service)
{
	for (size_t i = 0; i < memory->count; i++) {
		struct opening_note *note = &memory->list[i];

		if (note->chain == chain && note->family == family && !strcmp(note->service, service))
			return note;
	}
	return NULL;
}

struct opening_note *opening_memory_note(struct opening_memory *memory, const struct view_chain *base,
					 enum family family, const char *service)
{
	const uint64_t chain = hash_chain(base);
	struct opening_note *note = find(memory, chain, family, service), *list;

	if (note)
		return note;
	list = reallocarray(memory->list, memory->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	memory->list = list;
	note = &list[memory->count++];
	*note = (struct opening_note){ .chain = chain, .family = family };
	strcpy(note->service, service);
	return note;
}

const struct opening_note *opening_memory_find(const struct opening_memory *memory,
					       const struct view_chain *base, enum family family,
					       const char *service)
{
	static const struct opening_note nothing;
	const struct opening_note *note = find(memory, hash_chain(base), family, service);

	return note ? note : &nothing;
}

int opening_memory_copy(struct opening_memory *to, const struct opening_memory *from)
{
	*to = *from;
	to->list = NULL;
	if (!from->count)
		return 0;
	to->list = reallocarray(NULL, from->count, sizeof(*to->list));
	if (!to->list) {
		to->count = 0;
		return -ENOMEM;
	}
	memcpy(to->list, from->list, from->count * sizeof(*to->list));
	return 0;
}

void opening_memory_free(struct opening_memory *memory)
{
	free(memory->list);
	*memory = (struct opening_memory){ 0 };
}
