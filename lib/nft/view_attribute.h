/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of netlink messages, which are believed to be as long as they say, and no more. */
#ifndef LIB_NFT_VIEW_ATTRIBUTE_H
#define LIB_NFT_VIEW_ATTRIBUTE_H

#include <endian.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Attributes of one level, by type; those beyond the last type that we know are left out. */
#define ATTRIBUTES 24

struct attributes {
	const struct nlattr *of[ATTRIBUTES];
};

static inline struct attributes attributes_of(const void *data, size_t size)
{
	struct attributes all = { 0 };
	const struct nlattr *attr = data;
	int left = (int)size;

	for (; mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		left -= (int)MNL_ALIGN(attr->nla_len);
		if (mnl_attr_get_type(attr) < ATTRIBUTES)
			all.of[mnl_attr_get_type(attr)] = attr;
	}
	return all;
}

static inline struct attributes attributes_in(const struct nlattr *nest)
{
	return nest ? attributes_of(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest)) :
		      (struct attributes){ 0 };
}

/* nftables has its numbers in network order. */
static inline uint32_t attribute_number(const struct nlattr *attr, uint32_t absent)
{
	uint32_t number;

	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(number))
		return absent;
	memcpy(&number, mnl_attr_get_payload(attr), sizeof(number));
	return be32toh(number);
}

static inline uint64_t attribute_handle(const struct nlattr *attr)
{
	uint64_t number = 0;

	if (attr && mnl_attr_get_payload_len(attr) >= sizeof(number))
		memcpy(&number, mnl_attr_get_payload(attr), sizeof(number));
	return be64toh(number);
}

/* "" where it is absent, or has no end. */
static inline const char *attribute_text(const struct nlattr *attr)
{
	const char *text = attr ? mnl_attr_get_payload(attr) : "";

	if (attr && !memchr(text, '\0', mnl_attr_get_payload_len(attr)))
		return "";
	return text;
}

#endif
