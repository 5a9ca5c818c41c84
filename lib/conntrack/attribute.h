/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of netlink messages, by the million. */
#ifndef LIB_ATTRIBUTE_H
#define LIB_ATTRIBUTE_H

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>

/*
 * libmnl's attribute calls, inlined: an entry takes forty of them, which would
 * be a third of the time that a million entries take.
 */
#define each_attribute(attr, from, end)						\
	for (attr = (from); (const char *)attr + sizeof(*attr) <= (const char *)(end) && \
	     attr->nla_len >= sizeof(*attr) &&					\
	     (const char *)attr + attr->nla_len <= (const char *)(end);		\
	     attr = (const void *)((const char *)attr + MNL_ALIGN(attr->nla_len)))

static inline const void *payload(const struct nlattr *attr)
{
	return attr + 1;
}

static inline const void *end_of(const struct nlattr *attr)
{
	return (const char *)attr + attr->nla_len;
}

static inline int type_of(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

static inline uint16_t port_in(const struct nlattr *attr)
{
	return ntohs(*(const uint16_t *)payload(attr));
}

static inline uint32_t number_in(const struct nlattr *attr)
{
	return ntohl(*(const uint32_t *)payload(attr));
}

/* Those of a message of nfnetlink. */
static inline const void *attributes(const struct nlmsghdr *message)
{
	return mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
}

#endif
