/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets through a view that somebody else's tables made, as verify takes them. */
#ifndef NOTRACK_TESTS_WALK_THROUGH_H
#define NOTRACK_TESTS_WALK_THROUGH_H

#include <netinet/in.h>

#include "fuzz.h"
#include "rules/view.h"
#include "verify/walk.h"

static inline void walk_through(struct view *view, enum family family, enum whole_way way)
{
	struct journey today = { .time = 0 }, would = { .time = 0 };
	struct walk walk = { .view = view, .journeys = { [TODAY] = &today, [WOULD] = &would } };
	struct probe probe = {
		.in = "eth0", .out = "eth0",
		.own_source = way != WAY_IN, .own_destination = way != WAY_OUT,
		.family = (uint8_t)family, .protocol = IPPROTO_UDP,
		.source_port = { 1024, 65535 }, .destination_port = { 53, 53 },
		.tracked_states = CT_NEW,
	};
	const struct ending *ending;
	char place[PLACE_TEXT];

	if (way == WAY_LOOPBACK)
		strcpy(probe.out, "lo");
	promise(!walk_all(&walk, &probe, way));
	for (int fate = 0; fate < FATES; fate++) {
		ending = endings_last(would.endings[fate], ANY_USUAL | ANY_PICKED);
		if (ending)
			promise_sentence(view_format_place(&ending->last, place));
	}
	walk_free(&walk);
}

static inline void walk_all_ways(struct view *view)
{
	promise(!view_reach(view));
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (int way = WAY_IN; way <= WAY_LOOPBACK; way++)
			walk_through(view, family, (enum whole_way)way);
}

#endif
