/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One packet through the chains of a view, as the kernel takes it: written without a
 * look at lib/verify, so that each can prove the other wrong.
 */
#ifndef NOTRACK_TESTS_PARCEL_H
#define NOTRACK_TESTS_PARCEL_H

#include "rules/view.h"

struct parcel {
	enum family family;
	uint8_t source[16], destination[16];
	char in[IFNAMSIZ], out[IFNAMSIZ];	/* one of them is "" */
	uint16_t source_port, destination_port;
	uint8_t protocol, tcp_flags, icmp_type;
	uint32_t state;				/* enum ct_state, behind conntrack */
	bool reply;				/* in the direction of replies */
	bool own_source, own_destination;
	bool within_rate, remembered, unknown;	/* what such conditions say of it */
};

/* What became of it. */
struct parcel_fate {
	bool accepted;
	bool untracked;
	uint32_t mark;
	unsigned int logged, recorded, asked, marked, queued;	/* how often; asked: the record */
};

/* @notrack: whether NOTRACK can do anything to it. */
struct parcel_fate parcel_send(const struct view *view, const struct parcel *parcel, bool notrack);

#endif
