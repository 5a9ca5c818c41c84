/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of netlink messages, by the million. */
#ifndef LIB_ATTRIBUTE_H
#define LIB_ATTRIBUTE_H

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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

static inline size_t size_of_payload(const struct nlattr *attr)
{
	return attr->nla_len - sizeof(*attr);
}

static inline const void *end_of(const struct nlattr *attr)
{
	return (const char *)attr + attr->nla_len;
}

static inline int type_of(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

/* To be asked before a value is read: one of another size is as good as none. */
static inline bool holds(const struct nlattr *attr, size_t size)
{
	return attr->nla_len == sizeof(*attr) + size;
}

static inline uint8_t byte_in(const struct nlattr *attr)
{
	return attr && holds(attr, sizeof(uint8_t)) ? *(const uint8_t *)payload(attr) : 0;
}

static inline uint16_t port_in(const struct nlattr *attr)
{
	return holds(attr, sizeof(uint16_t)) ? ntohs(*(const uint16_t *)payload(attr)) : 0;
}

/* In network order, as netfilter has all its numbers; NULL is as good as another size. */
static inline uint32_t number_or(const struct nlattr *attr, uint32_t absent)
{
	return attr && holds(attr, sizeof(absent)) ? ntohl(*(const uint32_t *)payload(attr)) : absent;
}

static inline uint32_t number_in(const struct nlattr *attr)
{
	return number_or(attr, 0);
}

static inline uint64_t number64_in(const struct nlattr *attr)
{
	uint64_t number = 0;

	if (attr && holds(attr, sizeof(number)))
		memcpy(&number, payload(attr), sizeof(number));
	return be64toh(number);
}

/* The string in @attr, which ends within it; else NULL. */
static inline const char *string_in(const struct nlattr *attr)
{
	return memchr(payload(attr), '\0', size_of_payload(attr)) ? payload(attr) : NULL;
}

/* Where those of a message end. */
static inline const void *message_end(const struct nlmsghdr *message)
{
	return (const char *)message + message->nlmsg_len;
}

/* Those of a message of nfnetlink; none where it is too short for its own header. */
static inline const void *attributes(const struct nlmsghdr *message)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return message_end(message);
	return mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
}

#endif
