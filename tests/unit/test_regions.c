/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which ports the rules of a host tell apart. */
#include "unit.h"
#include "verify/regions.h"
#include "view_words.h"

static const struct {
	const char *rules;
	struct port_range one, other;
	bool alike;
} pairs[] = {
	{ "", { 53, 53 }, { 54, 54 }, true },
	{ "", { 0, 52 }, { 54, 442 }, true },
	{ "", { 54, 442 }, { 444, 65535 }, false },	/* some of these are not of services */
	{ "-A INPUT -p udp --dport 53 -j DROP\n", { 53, 53 }, { 54, 54 }, false },
	{ "-A INPUT -p udp --dport 53 -j DROP\n", { 54, 54 }, { 55, 55 }, true },
	{ "-A INPUT -p udp --dport 53 -j DROP\n", { 0, 60 }, { 0, 70 }, true },
	{ "-A INPUT -p udp --sport 2000:3000 -j DROP\n", { 2000, 2000 }, { 3000, 3000 }, true },
	{ "-A INPUT -p udp --sport 2000:3000 -j DROP\n", { 1999, 1999 }, { 2000, 2000 }, false },
	{ "-A INPUT -p udp --sport 2000:3000 -j DROP\n", { 3000, 3000 }, { 3001, 3001 }, false },
	{ "-A INPUT -p udp --dport 64:127 -j DROP\n", { 64, 64 }, { 127, 127 }, true },
	{ "-A INPUT -p udp --dport 64:127 -j DROP\n", { 63, 63 }, { 64, 64 }, false },
	{ "-A INPUT -p udp --dport 64:127 -j DROP\n", { 127, 127 }, { 128, 128 }, false },
	{ "-A INPUT -p udp --dport 0 -j DROP\n", { 0, 0 }, { 1, 1 }, false },
	{ "-A INPUT -p udp --dport 65535 -j DROP\n", { 65534, 65534 }, { 65535, 65535 }, false },
	{ "-A INPUT -p udp --dport 5,7 -j DROP\n", { 5, 5 }, { 6, 6 }, false },
	/* what stands in a chain of ours is no rule of the host */
	{ ":NOTRACK-INPUT\n-A NOTRACK-INPUT -p udp --dport 53 -j DROP\n", { 53, 53 }, { 54, 54 }, true },
	/* a key of several fields: each port may be one of its own */
	{ "-A INPUT --map state.dport NEW.53=ACCEPT\n", { 60, 60 }, { 61, 61 }, false },
	{ "-A INPUT --map state.dport NEW.53=ACCEPT\n", { 60, 60 }, { 60, 60 }, true },
};

START_TEST(ports_are_alike_where_no_rule_tells_between_them)
{
	struct port_regions regions;
	struct view view = { 0 };
	char text[200];

	snprintf(text, sizeof(text), "*filter\n:INPUT ACCEPT\n%s", pairs[_i].rules);
	view_read(&view, text);
	regions_find(&regions, &view);
	ck_assert_int_eq(regions_alike(&regions, &pairs[_i].one, &pairs[_i].other), pairs[_i].alike);
	ck_assert_int_eq(regions_alike(&regions, &pairs[_i].other, &pairs[_i].one), pairs[_i].alike);
	view_free(&view);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, ports_are_alike_where_no_rule_tells_between_them, 0,
			    sizeof(pairs) / sizeof(pairs[0]));
}

int main(void)
{
	return unit_main("regions", tests);
}
