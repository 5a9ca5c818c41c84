/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of nftables, whoever made them: read as a view, and walked through by packets; the
 * elements of sets; and lists of tables.  Input: which of these, and then what the kernel says.
 */
#include "fuzz.h"
#include "kernel_says.h"
#include "walk_through.h"

#include <linux/netfilter.h>

#include "nft/elements.h"
#include "nft/view.h"

static void view_tables(void)
{
	struct view view = { 0 };
	struct error error = { "" };
	const struct session session = { .error = &error };
	int err = nft_view(&session, NULL, &view);

	if (err)
		promise_sentence(error.text);
	else
		walk_all_ways(&view);
	view_free(&view);
}

/* The elements of a set that has a name, which rules of ours fill. */
static void read_elements(uint32_t key_size)
{
	static const struct nft_place place = { .family = NFPROTO_INET, .table = "libnotrack" };
	const struct nft_set set = { .name = "set", .key_size = key_size, .counts = true };
	struct nft_elements elements = { .count = 0 };
	struct nft_element one = { .key = { 192, 0, 2, 1 } };
	struct netlink netlink;

	promise(!netlink_open(&netlink, NETLINK_NETFILTER));
	if (!elements_read(&netlink, &place, &set, &elements))
		for (size_t i = 1; i < elements.count; i++)
			promise(memcmp(elements.list[i - 1].key, elements.list[i].key,
				       sizeof(elements.list[i].key)) <= 0);
	elements_free(&elements);
	elements_find(&netlink, &place, &set, &one);
	netlink_close(&netlink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	kernel_says(data + 1, size - 1);
	if (data[0] % 4 == 1)
		read_elements(data[0] & 4 ? 16 : 4);
	else
		view_tables();
	return 0;
}
