/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wild.h"

#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run.h"

const char *const wild_names[WILDNESSES] = {
	"a jump beyond the table", "a jump into an entry", "a jump into a chain",
	"a jump into a built-in chain", "a chain without an end", "two chains of one name",
	"a chain with the name of a verdict", "a chain with the name of a target",
};

static struct ipt_getinfo info;
static struct ipt_get_entries *have;

static struct ipt_entry *entry_at(unsigned int offset)
{
	return (void *)((char *)have->entrytable + offset);
}

static struct xt_standard_target *target_of(unsigned int offset)
{
	return (void *)((char *)entry_at(offset) + entry_at(offset)->target_offset);
}

static unsigned int next_of(unsigned int offset)
{
	return offset + entry_at(offset)->next_offset;
}

static void read_table(int sockfd)
{
	socklen_t size = sizeof(info);

	info = (struct ipt_getinfo){ .name = "filter" };
	ck_assert_int_eq(getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size), 0);
	size = (socklen_t)(sizeof(*have) + info.size);
	have = calloc(1, size);
	strcpy(have->name, "filter");
	have->size = info.size;
	ck_assert_int_eq(getsockopt(sockfd, IPPROTO_IP, IPT_SO_GET_ENTRIES, have, &size), 0);
}

static void write_table(int sockfd)
{
	size_t size = sizeof(struct ipt_replace) + info.size;
	struct ipt_replace *want = calloc(1, size);

	strcpy(want->name, "filter");
	want->valid_hooks = info.valid_hooks;
	want->num_entries = info.num_entries;
	want->size = info.size;
	memcpy(want->hook_entry, info.hook_entry, sizeof(want->hook_entry));
	memcpy(want->underflow, info.underflow, sizeof(want->underflow));
	want->num_counters = info.num_entries + (have->size != info.size);
	want->counters = calloc(want->num_counters, sizeof(struct xt_counters));
	memcpy(want->entries, have->entrytable, info.size);
	ck_assert_msg(!setsockopt(sockfd, IPPROTO_IP, IPT_SO_SET_REPLACE, want, (socklen_t)size),
		      "the kernel refused it: %m");
	free(want->counters);
	free(want);
	free(have);
}

/* Where the head of a user's chain is. */
static unsigned int find_chain(const char *name)
{
	unsigned int offset = 0;

	for (; offset < info.size; offset = next_of(offset)) {
		const struct xt_error_target *head = (const void *)target_of(offset);

		if (!strcmp(head->target.u.user.name, XT_ERROR_TARGET) &&
		    !strcmp(head->errorname, name))
			return offset;
	}
	ck_abort_msg("there is no chain %s", name);
}

/* X's first rule leads to T. */
static void lead_to(unsigned int offset)
{
	target_of(next_of(find_chain("X")))->verdict = (int)offset;
}

static void rename_chain(const char *from, const char *to)
{
	struct xt_error_target *head = (void *)target_of(find_chain(from));

	strcpy(head->errorname, to);
}

/* Y is empty, and comes after all that hooks point to. */
static void take_end(void)
{
	unsigned int foot = next_of(find_chain("Y")), after = next_of(foot);

	memmove(entry_at(foot), entry_at(after), info.size - after);
	info.size -= after - foot;
	info.num_entries--;
}

static void spoil(enum wildness wildness)
{
	switch (wildness) {
	case JUMP_BEYOND_THE_TABLE:
		lead_to(0x7ffffff0);
		break;
	case JUMP_INTO_AN_ENTRY:
		lead_to(next_of(find_chain("T")) + 8);
		break;
	case JUMP_INTO_A_CHAIN:
		lead_to(next_of(next_of(find_chain("T"))));
		break;
	case JUMP_INTO_A_BUILT_IN_CHAIN:
		lead_to(info.hook_entry[NF_INET_FORWARD]);
		break;
	case NO_END:
		take_end();
		break;
	case SAME_NAME:
		rename_chain("Y", "X");
		break;
	case NAME_OF_A_VERDICT:
		rename_chain("T", "ACCEPT");
		break;
	default:
		rename_chain("T", "CT");
	}
}

void wild_make(enum wildness wildness)
{
	int sockfd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	must("iptables-legacy -N T");
	must("iptables-legacy -N X");
	must("iptables-legacy -N Y");
	must("iptables-legacy -A T -s 192.0.2.66 -j ACCEPT");
	must("iptables-legacy -A T -s 192.0.2.67 -j DROP");
	must("iptables-legacy -A X -j T");
	must("iptables-legacy -A FORWARD -s 192.0.2.68 -j ACCEPT");
	read_table(sockfd);
	spoil(wildness);
	write_table(sockfd);
	close(sockfd);
}
