/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes of netlink messages, which are believed to be as long as they say, and no more. */
#ifndef LIB_NFT_VIEW_ATTRIBUTE_H
#define LIB_NFT_VIEW_ATTRIBUTE_H

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdint.h>

#include "support/attribute.h"

/* Attributes of one level, by type; those beyond the last type that we know are left out. */
#define ATTRIBUTES 24

struct attributes {
	const struct nlattr *of[ATTRIBUTES];
};

static inline struct attributes attributes_of(const void *data, size_t size)
{
	struct attributes all = { 0 };
	const struct nlattr *attr;

	each_attribute(attr, data, (const char *)data + size)
		if (type_of(attr) < ATTRIBUTES)
			all.of[type_of(attr)] = attr;
	return all;
}

/* Where one of them is all that counts; NULL: there is none such. */
static inline const struct nlattr *attribute_in(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;

	if (nest)
		each_attribute(attr, payload(nest), end_of(nest))
			if (type_of(attr) == type)
				return attr;
	return NULL;
}

static inline struct attributes attributes_in(const struct nlattr *nest)
{
	return nest ? attributes_of(payload(nest), size_of_payload(nest)) : (struct attributes){ 0 };
}

/* "" where it is absent, or has no end. */
static inline const char *attribute_text(const struct nlattr *attr)
{
	const char *text = attr ? string_in(attr) : NULL;

	return text ? text : "";
}

#define REGISTER_BYTES 64

/* Registers are of 16 bytes by their old numbers, of 4 by their new ones; past the end: none. */
static inline size_t register_offset(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * NFT_REG_SIZE;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * NFT_REG32_SIZE;
	return REGISTER_BYTES;
}

/* Of an expression of a rule. */
static inline const char *expression_name(const struct nlattr *expression)
{
	return attribute_text(attribute_in(expression, NFTA_EXPR_NAME));
}

#endif
