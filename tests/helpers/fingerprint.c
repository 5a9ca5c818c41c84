/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fingerprint.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>

#include "netns.h"
#include "run.h"

#define BEGINNING UINT64_C(0xcbf29ce484222325)

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* What is told of a table, and its entries: the same numbers and structs in both families. */
static uint64_t hash_table(uint64_t hash, const struct family *family, const char *name)
{
	int level = family->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int fd = socket(family->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .size = 0 };
	struct ipt_get_entries *block;
	socklen_t size = sizeof(info);

	strcpy(info.name, name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockopt(fd, level, IPT_SO_GET_INFO, &info, &size), 0);
	size = (socklen_t)sizeof(*block) + info.size;
	block = calloc(1, size);
	strcpy(block->name, name);
	block->size = info.size;
	ck_assert_int_eq(getsockopt(fd, level, IPT_SO_GET_ENTRIES, block, &size), 0);
	close(fd);
	hash = hash_bytes(hash, block->entrytable, info.size);
	free(block);
	return hash;
}

static bool in_lines(const char *lines, const char *name)
{
	size_t length = strlen(name);

	for (; lines; lines = strchr(lines, '\n') ? strchr(lines, '\n') + 1 : NULL)
		if (!strncmp(lines, name, length) && (lines[length] == '\n' || !lines[length]))
			return true;
	return false;
}

/* A table that nobody has used yet would be made by asking for it; ours are there soon anyway. */
static uint64_t hash_tables(uint64_t hash, const struct family *family)
{
	static const char *const names[] = { "raw", "filter", "mangle", "nat", "security" };
	const char *there = read_file(family->domain == AF_INET ? "/proc/net/ip_tables_names" :
							 "/proc/net/ip6_tables_names");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (i < 2 || in_lines(there, names[i]))
			hash = hash_table(hash_bytes(hash, names[i], strlen(names[i])), family, names[i]);
	return hash;
}

uint64_t fingerprint_ruleset(void)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg generic;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_flags = NLM_F_REQUEST,
				  .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer;
	ssize_t size;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(send(fd, &request, sizeof(request), 0), sizeof(request));
	size = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	ck_assert(size > (ssize_t)sizeof(request) && answer.header.nlmsg_type ==
		  (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN));
	/* the header has our port, which is another each time */
	return hash_bytes(BEGINNING, answer.bytes + NLMSG_HDRLEN, (size_t)size - NLMSG_HDRLEN);
}

uint64_t fingerprint_tables(void)
{
	uint64_t hash = BEGINNING;

	for (int i = 0; i < FAMILY_COUNT; i++)
		hash = hash_tables(hash, &families[i]);
	return hash;
}

uint64_t fingerprint(void)
{
	uint64_t marks[] = { fingerprint_tables(), fingerprint_ruleset() };

	return hash_bytes(BEGINNING, marks, sizeof(marks));
}
