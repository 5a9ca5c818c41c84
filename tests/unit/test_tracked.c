/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of the connection tracking table out of messages, of which no length is believed. */
#include "conntrack/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "unit.h"

enum {
	ROUNDS = 200000,
	STATUS = 0x1234,
	MESSAGE_MAX = 1024,
};

static uint32_t bytes[MESSAGE_MAX / sizeof(uint32_t)];
static struct nlmsghdr *message = (void *)bytes;

/* Where an attribute is. */
enum nest { NOWHERE, MESSAGE, ADDRESSES, PORTS, STATE, HELPER };

/* What a message has too little or too much of. */
struct wrong {
	enum nest nest;
	uint16_t type;
	int more;		/* bytes */
};

static struct wrong wrong;

static void put(enum nest nest, uint16_t type, const void *value, size_t size)
{
	char copy[64] = { 0 };

	memcpy(copy, value, size);
	if (wrong.nest == nest && wrong.type == type)
		size += (size_t)wrong.more;
	mnl_attr_put(message, type, size, copy);
}

static void put_addresses(enum family family)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	const uint8_t source[16] = { 192, 0, 2, 1 }, destination[16] = { 192, 0, 2, 2 };

	if (family == IPV4) {
		put(ADDRESSES, CTA_IP_V4_SRC, source, 4);
		put(ADDRESSES, CTA_IP_V4_DST, destination, 4);
	} else {
		put(ADDRESSES, CTA_IP_V6_SRC, source, 16);
		put(ADDRESSES, CTA_IP_V6_DST, destination, 16);
	}
	mnl_attr_nest_end(message, nest);
}

static void put_ports(void)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	const uint16_t source = htons(2000), destination = htons(53);
	const uint8_t protocol = IPPROTO_TCP;

	put(PORTS, CTA_PROTO_NUM, &protocol, sizeof(protocol));
	put(PORTS, CTA_PROTO_SRC_PORT, &source, sizeof(source));
	put(PORTS, CTA_PROTO_DST_PORT, &destination, sizeof(destination));
	mnl_attr_nest_end(message, nest);
}

static void put_state(void)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(message, CTA_PROTOINFO_TCP);
	const uint8_t state = TCP_CONNTRACK_ESTABLISHED;

	put(STATE, CTA_PROTOINFO_TCP_STATE, &state, sizeof(state));
	mnl_attr_nest_end(message, tcp);
	mnl_attr_nest_end(message, nest);
}

/* @addresses: of that family, in a message of @family. */
static void make_message(enum family family, enum family addresses)
{
	const uint32_t status = htonl(STATUS), id = 7;
	struct nfgenmsg *header;
	struct nlattr *nest;

	memset(bytes, 0, sizeof(bytes));
	mnl_nlmsg_put_header(message);
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = family == IPV6 ? AF_INET6 : AF_INET;
	for (uint16_t type = CTA_TUPLE_ORIG; type <= CTA_TUPLE_REPLY; type++) {
		nest = mnl_attr_nest_start(message, type);
		put_addresses(addresses);
		put_ports();
		mnl_attr_nest_end(message, nest);
	}
	put(MESSAGE, CTA_STATUS, &status, sizeof(status));
	put_state();
	nest = mnl_attr_nest_start(message, CTA_HELP);
	put(HELPER, CTA_HELP_NAME, "ftp", sizeof("ftp"));
	mnl_attr_nest_end(message, nest);
	put(MESSAGE, CTA_ID, &id, sizeof(id));
}

/* Everything that callers read; a sanitizer sees whether it is there. */
static uint64_t sum_of(const struct tracked *entry)
{
	const struct tracked_end *ends[] = { &entry->original, &entry->reply };
	uint64_t sum = entry->status + entry->tcp_state + entry->protocol;

	for (size_t i = 0; i < 2; i++) {
		sum += ends[i]->source_port + ends[i]->destination_port;
		for (unsigned int j = 0; j < family_bits(entry->family) / 8; j++) {
			sum += ends[i]->source ? ends[i]->source[j] : 0;
			sum += ends[i]->destination ? ends[i]->destination[j] : 0;
		}
	}
	return sum + (entry->helper ? strlen(entry->helper) : 0);
}

/* From a block that ends where the message does. */
static bool read_copy(const struct nlmsghdr *from)
{
	struct nlmsghdr *copy = malloc(from->nlmsg_len);
	struct tracked entry;
	bool is_entry;

	memcpy(copy, from, from->nlmsg_len);
	is_entry = tracked_read(&entry, copy, CONNTRACK_ORIGINAL);
	if (is_entry)
		sum_of(&entry);
	is_entry = tracked_read(&entry, copy, CONNTRACK_WHOLE);
	if (is_entry)
		sum_of(&entry);
	free(copy);
	return is_entry;
}

START_TEST(an_entry_is_read_as_it_is_meant)
{
	struct tracked entry;

	make_message((enum family)_i, (enum family)_i);
	ck_assert(tracked_read(&entry, message, CONNTRACK_WHOLE));
	ck_assert_int_eq((int)entry.family, _i);
	ck_assert_uint_eq(entry.protocol, IPPROTO_TCP);
	ck_assert_uint_eq(entry.original.source_port, 2000);
	ck_assert_uint_eq(entry.original.destination_port, 53);
	ck_assert_uint_eq(entry.original.source[3], 1);
	ck_assert_uint_eq(entry.reply.destination[3], 2);
	ck_assert_uint_eq(entry.status, STATUS);
	ck_assert_uint_eq(entry.tcp_state, TCP_CONNTRACK_ESTABLISHED);
	ck_assert_str_eq(entry.helper, "ftp");
	ck_assert_ptr_nonnull(entry.id);
}
END_TEST

/* An attribute of another size is none; without its addresses, an entry is none. */
static const struct {
	struct wrong wrong;
	bool is_entry;
} sizes[] = {
	{ { ADDRESSES, CTA_IP_V4_SRC, -1 }, false },
	{ { ADDRESSES, CTA_IP_V4_SRC, 12 }, false },
	{ { ADDRESSES, CTA_IP_V4_DST, -4 }, false },
	{ { PORTS, CTA_PROTO_NUM, -1 }, true },
	{ { PORTS, CTA_PROTO_SRC_PORT, -2 }, true },
	{ { PORTS, CTA_PROTO_SRC_PORT, 2 }, true },
	{ { PORTS, CTA_PROTO_DST_PORT, -1 }, true },
	{ { MESSAGE, CTA_STATUS, -4 }, true },
	{ { MESSAGE, CTA_STATUS, 4 }, true },
	{ { STATE, CTA_PROTOINFO_TCP_STATE, -1 }, true },
	{ { HELPER, CTA_HELP_NAME, -1 }, true },
	{ { HELPER, CTA_HELP_NAME, -4 }, true },
};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static bool is_missing(const struct tracked *entry, const struct wrong *what)
{
	switch (what->nest) {
	case PORTS:
		return what->type == CTA_PROTO_NUM ? !entry->protocol :
		       what->type == CTA_PROTO_SRC_PORT ? !entry->original.source_port :
		       !entry->original.destination_port;
	case STATE:
		return !entry->tcp_state;
	case HELPER:
		return !entry->helper;
	default:
		return !entry->status;
	}
}

START_TEST(an_attribute_of_another_size_is_none)
{
	struct tracked entry;

	wrong = sizes[_i].wrong;
	make_message(IPV4, IPV4);
	ck_assert_int_eq(read_copy(message), sizes[_i].is_entry);
	ck_assert_int_eq(tracked_read(&entry, message, CONNTRACK_WHOLE), sizes[_i].is_entry);
	ck_assert(!sizes[_i].is_entry || is_missing(&entry, &sizes[_i].wrong));
}
END_TEST

START_TEST(addresses_of_the_other_family_are_none)
{
	make_message(IPV6, IPV4);
	ck_assert(!read_copy(message));
	make_message(IPV4, IPV6);
	ck_assert(!read_copy(message));
}
END_TEST

START_TEST(other_messages_are_no_entries)
{
	make_message(IPV4, IPV4);
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	ck_assert(!read_copy(message));
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	ck_assert(read_copy(message));
}
END_TEST

START_TEST(a_message_may_end_anywhere)
{
	uint32_t whole;

	make_message(IPV6, IPV6);
	whole = message->nlmsg_len;
	for (uint32_t size = sizeof(*message); size <= whole; size++) {
		message->nlmsg_len = size;
		read_copy(message);
	}
}
END_TEST

START_TEST(no_byte_is_believed)
{
	for (int round = 0; round < ROUNDS; round++) {
		make_message((enum family)random_below(FAMILIES), (enum family)random_below(FAMILIES));
		for (unsigned int i = random_from(1, 6); i; i--) {
			size_t at = random_from(sizeof(*message), message->nlmsg_len - 1);

			((uint8_t *)bytes)[at] = (uint8_t)random_below(random_chance(80) ? 24 : 256);
		}
		read_copy(message);
	}
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, an_entry_is_read_as_it_is_meant, IPV4, FAMILIES);
	tcase_add_loop_test(tcase, an_attribute_of_another_size_is_none, 0, SIZES);
	tcase_add_test(tcase, addresses_of_the_other_family_are_none);
	tcase_add_test(tcase, other_messages_are_no_entries);
	tcase_add_test(tcase, a_message_may_end_anywhere);
	tcase_add_test(tcase, no_byte_is_believed);
}

int main(void)
{
	return unit_main("tracked", tests);
}
