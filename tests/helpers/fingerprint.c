/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fingerprint.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>

#include "netns.h"

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

/* The number of the last change of nftables' rules, with who made it. */
static uint64_t hash_generation(uint64_t hash)
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
	return hash_bytes(hash, answer.bytes + NLMSG_HDRLEN, (size_t)size - NLMSG_HDRLEN);
}

uint64_t fingerprint(void)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (int i = 0; i < FAMILY_COUNT; i++) {
		hash = hash_table(hash, &families[i], "raw");
		hash = hash_table(hash, &families[i], "filter");
	}
	return hash_generation(hash);
}
