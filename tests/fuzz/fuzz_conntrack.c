/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram with entries of the connection tracking table, as a kernel would send it. */
#include "fuzz.h"

#include <netinet/in.h>

#include "conntrack/conntrack.h"
#include "conntrack/flow.h"

/* Where what was read would go unnoticed otherwise. */
static volatile uint64_t sink;

static void look_at_end(const struct tracked_end *end, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		sink += (end->source ? end->source[i] : 0) + (end->destination ? end->destination[i] : 0);
	sink += end->source_port + end->destination_port;
}

static void look_at(const struct tracked *entry)
{
	static const struct own_addresses nobody;
	unsigned int size = family_bits(entry->family) / 8;
	struct flow flow;

	look_at_end(&entry->original, size);
	look_at_end(&entry->reply, size);
	sink += entry->status + entry->tcp_state + entry->protocol;
	sink += entry->helper ? strlen(entry->helper) : 0;
	flow_read(&flow, entry, &nobody);
}

struct taking {
	struct conntrack_edit *edit;
	unsigned int removed;
};

/* As many as make no request to the kernel yet. */
static void remove_some(struct taking *taking, const struct tracked *entry)
{
	struct error error;

	if (taking->removed < 60 && !conntrack_remove(taking->edit, entry, &error))
		taking->removed++;
}

static int take(const struct nlmsghdr *message, void *data)
{
	struct tracked entry;

	if (tracked_read(&entry, message, CONNTRACK_ORIGINAL))
		look_at_end(&entry.original, family_bits(entry.family) / 8);
	if (tracked_read(&entry, message, CONNTRACK_WHOLE)) {
		look_at(&entry);
		remove_some(data, &entry);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netlink_answers answers = { .last = UINT32_MAX, .take = take };
	struct conntrack conntrack = { .netlink.fd = -1 };
	struct conntrack_edit edit;
	struct taking taking = { &edit, 0 };
	void *datagram;

	if (!size)
		return 0;
	answers.all = data[0] & 1;
	answers.events = data[0] & 2;
	answers.dump = data[0] & 4;
	answers.data = &taking;
	datagram = fuzz_copy(data + 1, size - 1);
	promise(!conntrack_begin_edit(&edit, &conntrack));
	promise(netlink_answers_take(&answers, datagram, size - 1) <= 0);
	promise(conntrack_end_edit(&edit, -1, NULL) == -1);
	free(datagram);
	return 0;
}
