/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which twins stand where, for hosts as people write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "rules/overlay.h"
#include "unit.h"
#include "verify/twins.h"
#include "view_words.h"

/* A host, and what is to become of it. */
struct scene {
	struct notrack *nt;
	struct view view;
	struct grafts grafts;
	struct findings findings;
	struct twins_options options;
};

static struct scene scene_of(const char *text)
{
	struct scene scene = { .nt = notrack_new(), .options.families = 1u << IPV4 | 1u << IPV6 };

	view_read(&scene.view, text);
	return scene;
}

static void add(struct scene *scene, const struct notrack_service *words)
{
	struct notrack_service service = *words;

	service.size = sizeof(service);
	expect(!notrack_add_service(scene->nt, &service), "%s", notrack_error(scene->nt));
}

static void make(struct scene *scene)
{
	scene->options.model = &scene->nt->model;
	expect(!twins_make(&scene->view, &scene->options, &scene->grafts, &scene->findings),
	       "out of memory");
	expect(!overlay_grafts(&scene->view, &scene->grafts), "out of memory");
}

static void end(struct scene *scene)
{
	grafts_free(&scene->grafts);
	findings_free(&scene->findings);
	view_free(&scene->view);
	notrack_free(scene->nt);
}

/* --- what is expected ------------------------------------------------- */

/* "NOTRACK-new-n4q1k2m7x0a" is "NOTRACK-new-1" where it is the first of such names. */
static char *number_names(const char *text)
{
	char seen[64][16], *out = calloc(1, strlen(text) + 1), *to = out;
	size_t count = 0, length, i;

	for (; *text; text += length) {
		const char *dash = text;

		length = strncmp(text, "NOTRACK-", 8) ? 1 : strcspn(text, " \n");
		for (i = 0; i < length; i++)
			dash = text[i] == '-' ? text + i + 1 : dash;
		if (length < 8 || text + length - dash != 11) {
			to += sprintf(to, "%.*s", (int)length, text);
			continue;
		}
		for (i = 0; i < count && strncmp(seen[i], dash, 11); i++)
			;
		if (i == count)
			snprintf(seen[count++], sizeof(seen[0]), "%.11s", dash);
		to += sprintf(to, "%.*s%zu", (int)(dash - text), text, i + 1);
	}
	return out;
}

static void table_is(const struct scene *scene, const char *table, const char *expected)
{
	char *text = view_write(&scene->view, table), *numbered = number_names(text);

	expect(!strcmp(numbered, expected), "the table is\n%snot\n%s", numbered, expected);
	free(numbered);
	free(text);
}

static void finding_is(const struct scene *scene, const char *code, enum notrack_status severity,
		       const char *place)
{
	expect(scene->findings.count == 1, "%zu findings", scene->findings.count);
	ck_assert_str_eq(scene->findings.list[0].code, code);
	ck_assert_int_eq(scene->findings.list[0].severity, severity);
	expect(!strncmp(scene->findings.list[0].text, place, strlen(place)), "\"%s\" is not about %s",
	       scene->findings.list[0].text, place);
}

/* A legacy filter table whose INPUT has @rules becomes @expected for a service. */
static void input_becomes(const char *rules, const struct notrack_service *words,
			  const char *expected)
{
	char text[2048];
	struct scene scene;

	snprintf(text, sizeof(text), "*filter\n:INPUT DROP\n:OUTPUT ACCEPT\n:other\n%s", rules);
	scene = scene_of(text);
	add(&scene, words);
	make(&scene);
	expect(!scene.findings.count, "%s", scene.findings.count ? scene.findings.list[0].text : "");
	table_is(&scene, "filter", expected);
	end(&scene);
}

static void input_is_refused(const char *rules, const struct notrack_service *words,
			     const char *code, const char *place)
{
	char text[2048];
	struct scene scene;

	snprintf(text, sizeof(text), "*filter\n:INPUT DROP\n:OUTPUT ACCEPT\n:other\n%s", rules);
	scene = scene_of(text);
	add(&scene, words);
	make(&scene);
	finding_is(&scene, code, NOTRACK_FAILED, place);
	expect(!scene.grafts.count, "%zu grafts", scene.grafts.count);
	end(&scene);
}

static const struct notrack_service asked = { .name = "asked", .ports = "53",
					      .protocols = "udp", .interfaces = "eth0",
					      .icmp_errors = "no" };
static const struct notrack_service asks = { .name = "asks", .ports = "53", .protocols = "udp",
					     .roles = "outbound", .interfaces = "eth0",
					     .icmp_errors = "no" };

/* --- verdicts --------------------------------------------------------- */

START_TEST(rules_that_ask_for_no_state_have_no_twin)
{
	input_becomes("-A INPUT -s 192.0.2.66 -j DROP\n-A INPUT -p udp --dport 53 -j ACCEPT\n", &asked,
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n-A INPUT -p udp --dport 53 -j ACCEPT\n");
}
END_TEST

/* All but the first segment of a connection, and none of those that are INVALID. */
#define EST_SEGMENT(ports, flags) \
	"-A NOTRACK-est-accept -p tcp -i eth0 " ports " --tcp-flags " flags " -j ACCEPT\n"
#define EST_SEGMENTS(ports) \
	EST_SEGMENT(ports, "0x17 0x10") EST_SEGMENT(ports, "0x17 0x11") EST_SEGMENT(ports, "0x27 0x04")
#define EST_ANSWERS(ports) \
	EST_SEGMENT(ports, "0x17 0x10") EST_SEGMENT(ports, "0x37 0x12") \
	EST_SEGMENT(ports, "0x17 0x11") EST_SEGMENT(ports, "0x27 0x04")

START_TEST(an_accept_leads_to_the_chain_of_its_state)
{
	input_becomes("-A INPUT --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		      "-A INPUT -s 192.0.2.66 -j DROP\n"
		      "-A INPUT -s 192.0.2.0/29 -p udp --dport 53 --ctstate NEW -j ACCEPT\n",
		      &(struct notrack_service){ .name = "dns", .interfaces = "eth0" },
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-est-accept\n"
		      "-A INPUT --ctstate INVALID -j NOTRACK-rel-accept\n"
		      "-A INPUT --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A INPUT --ctstate UNTRACKED -s 192.0.2.0/29 -p udp --dport 53 "
		      "-j NOTRACK-new-accept\n"
		      "-A INPUT -s 192.0.2.0/29 -p udp --dport 53 --ctstate NEW -j ACCEPT\n"
		      "-A NOTRACK-est-accept -p udp -i eth0 --sport 53 --dport 1024:65535 -j ACCEPT\n"
		      EST_ANSWERS("--sport 53 ! --dport 53")
		      EST_SEGMENTS("! --sport 53 --dport 53")
		      "-A NOTRACK-rel-accept -p icmp --icmp 3 -j ACCEPT\n"
		      "-A NOTRACK-rel-accept -p icmp --icmp 11 -j ACCEPT\n"
		      "-A NOTRACK-rel-accept -p icmp --icmp 12 -j ACCEPT\n"
		      "-A NOTRACK-new-accept -p udp -i eth0 ! --sport 53 --dport 53 -j ACCEPT\n"
		      "-A NOTRACK-new-accept -p tcp -i eth0 ! --sport 53 --dport 53 --syn -j ACCEPT\n");
}
END_TEST

/* --- where twins stand that accept ------------------------------------- */

#define EST_TWIN "-A INPUT --ctstate UNTRACKED -j NOTRACK-est-accept\n"
#define NEW_TWIN "-A INPUT --ctstate UNTRACKED -p udp --dport 53 -j NOTRACK-new-accept\n"
#define EST_RULE "-A INPUT --ctstate ESTABLISHED -j ACCEPT\n"
#define NEW_RULE "-A INPUT -p udp --dport 53 --ctstate NEW -j ACCEPT\n"
#define EST_CHAIN EST_SEGMENTS("--dport 53")
#define NEW_CHAIN "-A NOTRACK-new-accept -p udp -i eth0 --dport 53 -j ACCEPT\n" \
		  "-A NOTRACK-new-accept -p tcp -i eth0 --dport 53 --syn -j ACCEPT\n"

static const struct notrack_service both = { .name = "both", .ports = "53",
					     .protocols = "udp,tcp", .interfaces = "eth0",
					     .icmp_errors = "no" };

START_TEST(twins_that_accept_stand_together_those_of_requests_first)
{
	input_becomes(EST_RULE "-A INPUT --ctstate INVALID -j DROP\n" NEW_RULE, &both,
		      NEW_TWIN EST_TWIN EST_RULE "-A INPUT --ctstate INVALID -j DROP\n" NEW_RULE
		      EST_CHAIN NEW_CHAIN);
}
END_TEST

/* What may take an untracked packet, or do something with one, is not passed. */
static const char *const between[] = {
	"-A INPUT -s 192.0.2.66/32 -j DROP\n",
	"-A INPUT -j LOG\n",
	"-A INPUT -j other\n",
	"-A INPUT --ctstate UNTRACKED -j LOG\n",
};

START_TEST(a_twin_passes_no_rule_that_sees_untracked_packets)
{
	char rules[512], expected[1024];

	snprintf(rules, sizeof(rules), EST_RULE "%s" NEW_RULE, between[_i]);
	snprintf(expected, sizeof(expected), EST_TWIN EST_RULE "%s" NEW_TWIN NEW_RULE EST_CHAIN
		 NEW_CHAIN, between[_i]);
	input_becomes(rules, &both, expected);
}
END_TEST

START_TEST(a_twin_passes_none_that_does_more_than_accept)
{
	input_becomes("-A INPUT -s 192.0.2.66 --ctstate NEW -j DROP\n" NEW_RULE, &asked,
		      "-A INPUT --ctstate UNTRACKED -s 192.0.2.66/32 -j NOTRACK-new-1\n"
		      "-A INPUT -s 192.0.2.66/32 --ctstate NEW -j DROP\n"
		      NEW_TWIN NEW_RULE
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -j DROP\n"
		      "-A NOTRACK-new-accept -p udp -i eth0 --dport 53 -j ACCEPT\n");
}
END_TEST

START_TEST(a_twin_goes_as_far_as_the_row_of_its_rule)
{
	input_becomes(EST_RULE "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A INPUT --ctstate INVALID -j DROP\n" NEW_RULE, &both,
		      EST_TWIN EST_RULE "-A INPUT -s 192.0.2.66/32 -j DROP\n" NEW_TWIN
		      "-A INPUT --ctstate INVALID -j DROP\n" NEW_RULE EST_CHAIN NEW_CHAIN);
}
END_TEST

/* --- other verdicts ----------------------------------------------------- */

START_TEST(a_drop_has_a_chain_of_its_own)
{
	input_becomes("-A INPUT -s 192.0.2.66 --ctstate NEW -j DROP\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -s 192.0.2.66/32 -j NOTRACK-new-1\n"
		      "-A INPUT -s 192.0.2.66/32 --ctstate NEW -j DROP\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -j DROP\n");
}
END_TEST

START_TEST(what_goes_on_is_done_once)
{
	input_becomes("-A INPUT --ctstate NEW -j LOG\n",
		      &(struct notrack_service){ .name = "two", .ports = "53", .protocols = "udp,tcp",
						 .interfaces = "eth0", .icmp_errors = "no" },
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-1\n"
		      "-A INPUT --ctstate NEW -j LOG\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -g NOTRACK-do-2\n"
		      "-A NOTRACK-new-1 -p tcp -i eth0 --dport 53 --syn -g NOTRACK-do-2\n"
		      "-A NOTRACK-do-2 -j LOG\n");
}
END_TEST

static const char *const leading[] = { "-j other", "-g other", "-j RETURN" };

START_TEST(what_leads_elsewhere_carries_its_selectors)
{
	char rules[128], expected[512];

	snprintf(rules, sizeof(rules), "-A INPUT --ctstate NEW %s\n", leading[_i]);
	snprintf(expected, sizeof(expected),
		 "-A INPUT --ctstate UNTRACKED -p udp -i eth0 --dport 53 %s\n"
		 "-A INPUT --ctstate NEW %s\n", leading[_i], leading[_i]);
	input_becomes(rules, &asked, expected);
}
END_TEST

/* Over lo, two of its selectors would pick the same answers. */
START_TEST(no_packet_is_led_to_a_chain_twice)
{
	input_becomes("-A INPUT -p udp --ctstate ESTABLISHED -j other\n",
		      &(struct notrack_service){ .name = "dns", .icmp_errors = "no" },
		      "-A INPUT --ctstate UNTRACKED -p udp -p udp --sport 53 --dport 1024:65535 -j other\n"
		      "-A INPUT --ctstate UNTRACKED -p udp -p udp -i lo --sport 53 "
		      "--dport 0:52,54:1023 -j other\n"
		      "-A INPUT -p udp --ctstate ESTABLISHED -j other\n");
}
END_TEST

START_TEST(twins_that_carry_their_selectors_are_known_by_a_comment)
{
	struct scene scene = scene_of("*filter\n:INPUT DROP\n-A INPUT --ctstate NEW -j RETURN\n"
				      "-A INPUT --ctstate NEW -j ACCEPT\n");

	add(&scene, &asked);
	make(&scene);
	ck_assert_uint_eq(scene.grafts.count, 1);	/* the second rule is never reached */
	ck_assert_ptr_null(scene.grafts.list[0].rule.to);
	ck_assert_str_eq(scene.grafts.list[0].rule.rule.match->comment, GRAFT_COMMENT);
	end(&scene);
}
END_TEST

/* --- states ----------------------------------------------------------- */

static const struct {
	const char *asked;
	bool twin;
} states[] = {
	{ "--ctstate NEW", true },
	{ "--ctstate NEW,UNTRACKED", false },
	{ "--ctstate ESTABLISHED,RELATED", false },
	{ "! --ctstate INVALID,UNTRACKED", true },
	{ "! --ctstate ESTABLISHED", false },		/* takes them as they are */
	{ "--ctstate INVALID", false },
	{ "--ctstate NEW --ctdir ORIGINAL", true },
	{ "--ctstate NEW --ctdir REPLY", false },
	{ "--ctstate NEW,ESTABLISHED --ctstatus SEEN_REPLY", false },
	{ "--ctdir ORIGINAL", true },
};

START_TEST(a_request_would_have_been_new)
{
	char rules[128];
	struct scene scene;

	snprintf(rules, sizeof(rules), "*filter\n:INPUT DROP\n-A INPUT %s -j ACCEPT\n",
		 states[_i].asked);
	scene = scene_of(rules);
	add(&scene, &asked);
	make(&scene);
	ck_assert_uint_eq(scene.findings.count, 0);
	ck_assert_uint_eq(scene.grafts.count, states[_i].twin);
	end(&scene);
}
END_TEST

START_TEST(an_answer_would_have_been_established)
{
	input_becomes("-A INPUT --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT\n"
		      "-A INPUT --ctstate NEW -j ACCEPT\n", &asks,
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-est-1\n"
		      "-A INPUT --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT\n"
		      "-A INPUT --ctstate NEW -j ACCEPT\n"
		      "-A NOTRACK-est-1 -p udp -i eth0 --sport 53 --dport 1024:65535 -j ACCEPT\n");
}
END_TEST

/* Most of what leaves a server: it is not to pass the rules for this host's own questions. */
START_TEST(answers_of_a_server_are_looked_for_first)
{
	const struct notrack_service udp = { .name = "both", .ports = "53", .protocols = "udp",
					     .roles = "both", .interfaces = "eth0",
					     .icmp_errors = "no" };
	struct scene scene = scene_of("*filter\n:INPUT ACCEPT\n:OUTPUT DROP\n"
				      "-A OUTPUT --ctstate NEW,ESTABLISHED -j ACCEPT\n");

	add(&scene, &udp);
	make(&scene);
	table_is(&scene, "filter",
		 "-A OUTPUT --ctstate UNTRACKED -j NOTRACK-new-est-accept-out\n"
		 "-A OUTPUT --ctstate NEW,ESTABLISHED -j ACCEPT\n"
		 "-A NOTRACK-new-est-accept-out -p udp -o eth0 --sport 53 ! --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-new-est-accept-out -p udp -o eth0 --sport 1024:65535 --dport 53 -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(a_rule_about_something_else_has_no_twin)
{
	input_becomes("-A INPUT -p tcp --dport 22 --ctstate NEW -j ACCEPT\n"
		      "-A INPUT -i eth1 --ctstate NEW -j ACCEPT\n"
		      "-A other -p udp --dport 53 --ctstate NEW -j ACCEPT\n"	/* not reached */
		      "-A INPUT -p udp -j DROP\n"
		      "-A INPUT -p udp --dport 53 --ctstate NEW -j ACCEPT\n", &asked,
		      "-A INPUT -p tcp --dport 22 --ctstate NEW -j ACCEPT\n"
		      "-A INPUT -i eth1 --ctstate NEW -j ACCEPT\n"
		      "-A INPUT -p udp -j DROP\n"
		      "-A INPUT -p udp --dport 53 --ctstate NEW -j ACCEPT\n"
		      "-A other -p udp --dport 53 --ctstate NEW -j ACCEPT\n");
}
END_TEST

START_TEST(twins_stand_in_nested_chains)
{
	input_becomes("-A INPUT -i eth0 -j other\n-A other -p udp --dport 53 --ctstate NEW -j ACCEPT\n",
		      &asked,
		      "-A INPUT -i eth0 -j other\n"
		      "-A other --ctstate UNTRACKED -p udp --dport 53 -j NOTRACK-new-accept\n"
		      "-A other -p udp --dport 53 --ctstate NEW -j ACCEPT\n"
		      "-A NOTRACK-new-accept -p udp -i eth0 --dport 53 -j ACCEPT\n");
}
END_TEST

/* --- memory ----------------------------------------------------------- */

START_TEST(what_remembers_is_asked_behind_the_selectors)
{
	input_becomes("-A INPUT -p udp --ctstate NEW --recent-set --recent-update -j DROP\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -p udp -j NOTRACK-new-1\n"
		      "-A INPUT -p udp --ctstate NEW --recent-set --recent-update -j DROP\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -g NOTRACK-do-2\n"
		      "-A NOTRACK-do-2 --recent-set --recent-update -j DROP\n");
}
END_TEST

START_TEST(a_log_that_remembers_first_keeps_to_its_rate)
{
	input_becomes("-A INPUT --recent-set --limit --ctstate NEW -j LOG\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-1\n"
		      "-A INPUT --recent-set --limit --ctstate NEW -j LOG\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -g NOTRACK-do-2\n"
		      "-A NOTRACK-do-2 --limit -j LOG\n");
}
END_TEST

START_TEST(a_rate_ahead_of_the_state_is_the_twins_own)
{
	input_becomes("-A INPUT --limit --ctstate NEW -j ACCEPT\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-1\n"
		      "-A INPUT --limit --ctstate NEW -j ACCEPT\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -g NOTRACK-do-2\n"
		      "-A NOTRACK-do-2 --limit -j ACCEPT\n");
}
END_TEST

/* Of a twin, who is recorded would be once more by the rule itself. */
START_TEST(what_remembers_for_others_first_is_led_around)
{
	input_becomes("-A INPUT -s 192.0.2.0/24 --recent-set --ctstate NEW -j ACCEPT\n"
		      "-A INPUT -s 192.0.2.66 -j DROP\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -s 192.0.2.0/24 -p udp -i eth0 --dport 53 "
		      "-g NOTRACK-rest-1\n"
		      "-A INPUT -s 192.0.2.0/24 --recent-set --ctstate NEW -j ACCEPT\n"
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -s 192.0.2.0/24 --recent-set -j ACCEPT\n"
		      "-A NOTRACK-rest-1 -s 192.0.2.66/32 -j DROP\n");
	input_is_refused("-A INPUT -s 192.0.2.0/24 --recent-set --ctstate NEW -j ACCEPT\n"
			 "-A INPUT -j UNKNOWN\n", &asked, "dropped",
			 "filter INPUT 1 counts");
}
END_TEST

START_TEST(what_only_remembers_ahead_of_the_state_has_seen_it_already)
{
	input_becomes("-A INPUT --recent-set --ctstate NEW\n", &asked,
		      "-A INPUT --recent-set --ctstate NEW\n");
}
END_TEST

/* --- rules that take what is untracked --------------------------------- */

START_TEST(an_answer_is_led_past_what_drops_all_but_answers)
{
	input_becomes("-A INPUT ! --ctstate ESTABLISHED -j DROP\n"
		      "-A INPUT -s 192.0.2.66 -j DROP\n"
		      "-A INPUT -j other\n"
		      "-A other -p tcp -j ACCEPT\n-A other --ctstate ESTABLISHED -j ACCEPT\n"
		      "-A other -s 192.0.2.67 -j DROP\n", &asks,
		      "-A INPUT --ctstate UNTRACKED -p udp -i eth0 --sport 53 --dport 1024:65535 "
		      "-g NOTRACK-rest-1\n"
		      "-A INPUT ! --ctstate ESTABLISHED -j DROP\n"
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A INPUT -j other\n"
		      "-A other -p tcp -j ACCEPT\n"
		      "-A other --ctstate ESTABLISHED -j ACCEPT\n"
		      "-A other -s 192.0.2.67/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -s 192.0.2.66/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -j ACCEPT\n");
}
END_TEST

START_TEST(nothing_is_copied_that_no_packet_gets_to)
{
	input_becomes("-A INPUT --ctstate UNTRACKED -j ACCEPT\n-A INPUT -s 192.0.2.66 -j DROP\n"
		      "-A INPUT -p tcp -j DROP\n-A INPUT -j REJECT\n-A INPUT -s 192.0.2.67 -j DROP\n",
		      &asked,
		      "-A INPUT --ctstate UNTRACKED -p udp -i eth0 --dport 53 -g NOTRACK-rest-1\n"
		      "-A INPUT --ctstate UNTRACKED -j ACCEPT\n"
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A INPUT -p tcp -j DROP\n"
		      "-A INPUT -j REJECT\n"
		      "-A INPUT -s 192.0.2.67/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -s 192.0.2.66/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -j REJECT\n");
}
END_TEST

START_TEST(past_the_last_rule_is_the_end_of_the_chain)
{
	input_becomes("-A INPUT --ctstate INVALID,UNTRACKED -j DROP\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -p udp -i eth0 --dport 53 -j RETURN\n"
		      "-A INPUT --ctstate INVALID,UNTRACKED -j DROP\n");
}
END_TEST

START_TEST(where_an_accept_is_all_that_follows_it_is_done_at_once)
{
	input_becomes("-A INPUT --ctstate UNTRACKED -j DROP\n-A INPUT --ctstate NEW -j ACCEPT\n",
		      &asked,
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-accept\n"
		      "-A INPUT --ctstate UNTRACKED -j DROP\n"
		      "-A INPUT --ctstate NEW -j ACCEPT\n"
		      "-A NOTRACK-new-accept -p udp -i eth0 --dport 53 -j ACCEPT\n");
}
END_TEST

START_TEST(what_cannot_be_copied_is_refused)
{
	input_is_refused("-A INPUT --ctstate UNTRACKED -j DROP\n-A INPUT -j UNKNOWN\n",
			 &asked, "dropped", "filter INPUT 1 ");
	input_is_refused("-A INPUT --ctstate UNTRACKED -j ACCEPT\n-A INPUT -j UNKNOWN\n",
			 &asked, "shadowed", "filter INPUT 1 ");
}
END_TEST

START_TEST(to_be_counted_or_to_enter_an_empty_chain_does_no_harm)
{
	input_becomes("-A INPUT --ctstate UNTRACKED -j LOG\n-A INPUT --ctstate UNTRACKED -j other\n",
		      &asked,
		      "-A INPUT --ctstate UNTRACKED -j LOG\n-A INPUT --ctstate UNTRACKED -j other\n");
}
END_TEST

/* --- ICMP errors and resets ------------------------------------------- */

static const struct notrack_service errors = { .name = "errors", .ports = "53",
					       .protocols = "tcp", .interfaces = "eth0" };

START_TEST(errors_are_led_past_what_drops_invalid)
{
	input_becomes("-A INPUT --ctstate INVALID -j DROP\n-A INPUT -s 192.0.2.66 -j DROP\n"
		      "-A INPUT --ctstate RELATED -j ACCEPT\n", &errors,
		      "-A INPUT --ctstate INVALID -p icmp --icmp 3 -g NOTRACK-rest-1\n"
		      "-A INPUT --ctstate INVALID -p icmp --icmp 11 -g NOTRACK-rest-1\n"
		      "-A INPUT --ctstate INVALID -p icmp --icmp 12 -g NOTRACK-rest-1\n"
		      "-A INPUT --ctstate INVALID -j DROP\n"
		      "-A INPUT -s 192.0.2.66/32 -j DROP\n"
		      "-A INPUT --ctstate RELATED -j ACCEPT\n"
		      "-A NOTRACK-rest-1 -s 192.0.2.66/32 -j DROP\n"
		      "-A NOTRACK-rest-1 -j ACCEPT\n");
}
END_TEST

START_TEST(errors_are_accepted_where_related_ones_are)
{
	input_becomes("-A INPUT --ctstate INVALID -j DROP\n-A INPUT --ctstate RELATED -j ACCEPT\n",
		      &errors,
		      "-A INPUT --ctstate INVALID -j NOTRACK-rel-accept\n"
		      "-A INPUT --ctstate INVALID -j DROP\n"
		      "-A INPUT --ctstate RELATED -j ACCEPT\n"
		      "-A NOTRACK-rel-accept -p icmp --icmp 3 -j ACCEPT\n"
		      "-A NOTRACK-rel-accept -p icmp --icmp 11 -j ACCEPT\n"
		      "-A NOTRACK-rel-accept -p icmp --icmp 12 -j ACCEPT\n");
}
END_TEST

/* The host's own, and the resets that its REJECT sends. */
START_TEST(errors_and_resets_get_out)
{
	struct scene scene = scene_of("*filter\n:INPUT ACCEPT\n:OUTPUT DROP\n"
				      "-A OUTPUT --ctstate RELATED -j ACCEPT\n");

	add(&scene, &errors);
	make(&scene);
	table_is(&scene, "filter",
		 "-A OUTPUT --ctstate INVALID -j NOTRACK-rel-accept-out\n"
		 "-A OUTPUT --ctstate RELATED -j ACCEPT\n"
		 "-A NOTRACK-rel-accept-out -p tcp -o eth0 --sport 53 --tcp-flags 0x27 0x04 -j ACCEPT\n"
		 "-A NOTRACK-rel-accept-out -p icmp --icmp 3 -j ACCEPT\n"
		 "-A NOTRACK-rel-accept-out -p icmp --icmp 11 -j ACCEPT\n"
		 "-A NOTRACK-rel-accept-out -p icmp --icmp 12 -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(errors_that_are_untracked_are_so_to_their_twins)
{
	struct scene scene = scene_of("*filter\n:INPUT DROP\n"
				      "-A INPUT --ctstate INVALID -j DROP\n"
				      "-A INPUT --ctstate RELATED -j ACCEPT\n");

	scene.options.host.errors_untracked = true;
	add(&scene, &errors);
	make(&scene);
	table_is(&scene, "filter",
		 "-A INPUT --ctstate UNTRACKED -j NOTRACK-rel-accept\n"
		 "-A INPUT --ctstate INVALID -j DROP\n"
		 "-A INPUT --ctstate RELATED -j ACCEPT\n"
		 "-A NOTRACK-rel-accept -p icmp --icmp 3 -j ACCEPT\n"
		 "-A NOTRACK-rel-accept -p icmp --icmp 11 -j ACCEPT\n"
		 "-A NOTRACK-rel-accept -p icmp --icmp 12 -j ACCEPT\n");
	end(&scene);
}
END_TEST

/* --- chains that several hooks share ----------------------------------- */

START_TEST(in_a_shared_chain_selectors_tell_in_from_out)
{
	struct scene scene = scene_of("*filter\n:INPUT DROP\n:OUTPUT DROP\n:stateful\n"
				      "-A INPUT -j stateful\n-A OUTPUT -j stateful\n"
				      "-A stateful --ctstate NEW,ESTABLISHED -j ACCEPT\n");

	add(&scene, &asked);
	make(&scene);
	table_is(&scene, "filter",
		 "-A INPUT -j stateful\n-A OUTPUT -j stateful\n"
		 "-A stateful --ctstate UNTRACKED -j NOTRACK-new-est-accept-any\n"
		 "-A stateful --ctstate NEW,ESTABLISHED -j ACCEPT\n"
		 "-A NOTRACK-new-est-accept-any -p udp -i eth0 --dport 53 --dst-local -j ACCEPT\n"
		 "-A NOTRACK-new-est-accept-any -p udp -o eth0 --sport 53 --src-local -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(what_is_forwarded_is_left_alone)
{
	struct scene scene = scene_of("*filter\n:INPUT DROP\n:FORWARD DROP\n:stateful\n"
				      "-A INPUT -j stateful\n-A FORWARD -j stateful\n"
				      "-A stateful --ctstate NEW -j ACCEPT\n"
				      "*mangle\n:PREROUTING ACCEPT\n"
				      "-A PREROUTING --ctstate NEW -j ACCEPT\n");

	scene.options.host.forwards = true;
	add(&scene, &asked);
	make(&scene);
	table_is(&scene, "filter",
		 "-A INPUT -j stateful\n-A FORWARD -j stateful\n"
		 "-A stateful --ctstate UNTRACKED -j NOTRACK-new-accept-any\n"
		 "-A stateful --ctstate NEW -j ACCEPT\n"
		 "-A NOTRACK-new-accept-any -p udp -i eth0 --dport 53 --dst-local -j ACCEPT\n");
	table_is(&scene, "mangle",
		 "-A PREROUTING --ctstate UNTRACKED -j NOTRACK-new-accept-any\n"
		 "-A PREROUTING --ctstate NEW -j ACCEPT\n"
		 "-A NOTRACK-new-accept-any -p udp -i eth0 --dport 53 --dst-local -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(answers_are_not_looked_for_at_ports_that_others_ask)
{
	struct scene scene = scene_of("*filter\n:INPUT DROP\n-A INPUT --ctstate ESTABLISHED -j ACCEPT\n");

	add(&scene, &asks);
	add(&scene, &(struct notrack_service){ .name = "game", .ports = "27015", .protocols = "udp",
					       .interfaces = "eth0", .icmp_errors = "no" });
	make(&scene);
	table_is(&scene, "filter",
		 "-A INPUT --ctstate UNTRACKED -j NOTRACK-est-accept\n"
		 "-A INPUT --ctstate ESTABLISHED -j ACCEPT\n"
		 "-A NOTRACK-est-accept -p udp -i eth0 --sport 53 --dport 1024:27014,27016:65535 "
		 "-j ACCEPT\n");
	end(&scene);
}
END_TEST

/* --- worlds ----------------------------------------------------------- */

START_TEST(neither_raw_nor_nat_has_twins)
{
	struct scene scene = scene_of("*raw\n:PREROUTING ACCEPT\n"
				      "-A PREROUTING --ctstate NEW -j ACCEPT\n"
				      "*nat\n:PREROUTING ACCEPT\n"
				      "-A PREROUTING --ctstate NEW -j ACCEPT\n"
				      "*nft inet early\n:raw prerouting -300 ACCEPT\n"
				      "-A raw --ctstate NEW -j ACCEPT\n");

	add(&scene, &asked);
	make(&scene);
	ck_assert_uint_eq(scene.grafts.count, 0);
	end(&scene);
}
END_TEST

START_TEST(both_worlds_have_twins_at_once)
{
	struct scene scene = scene_of("*security\n:INPUT ACCEPT\n-A INPUT --ctstate NEW -j DROP\n"
				      "*nft inet fw\n:in input 10 DROP\n"
				      "-A in --ctstate NEW -j ACCEPT\n");

	add(&scene, &(struct notrack_service){ .name = "asked", .ports = "53", .protocols = "udp",
					       .interfaces = "eth0", .icmp_errors = "no",
					       .local = "192.0.2.2, 2001:db8::2" });
	make(&scene);
	table_is(&scene, "security",
		 "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-1\n"
		 "-A INPUT --ctstate NEW -j DROP\n"
		 "-A NOTRACK-new-1 -p udp -i eth0 -d 192.0.2.2/32 --dport 53 -j DROP\n");
	table_is(&scene, "fw",
		 "-A in --ctstate UNTRACKED -j NOTRACK-new-accept\n"
		 "-A in --ctstate NEW -j ACCEPT\n"
		 "-A NOTRACK-new-accept --family 4 -p udp -i eth0 -d 192.0.2.2/32 --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-new-accept --family 6 -p udp -i eth0 -d 2001:db8::2/128 --dport 53 "
		 "-j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(what_counts_for_a_service_counts_for_each_family)
{
	struct scene scene = scene_of("*nft inet fw\n:in input 0 DROP\n-A in --ctstate NEW -j ACCEPT\n");

	add(&scene, &asked);
	make(&scene);
	table_is(&scene, "fw",
		 "-A in --ctstate UNTRACKED -j NOTRACK-new-accept\n"
		 "-A in --ctstate NEW -j ACCEPT\n"
		 "-A NOTRACK-new-accept --family 4 -p udp -i eth0 --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-new-accept --family 6 -p udp -i eth0 --dport 53 -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(a_map_of_states_has_a_twin_an_element)
{
	struct scene scene = scene_of("*nft inet fw\n:in input 0 DROP\n:services\n"
				      "-A in --map state ESTABLISHED=ACCEPT,RELATED=ACCEPT,"
				      "INVALID=DROP,NEW=services\n");

	add(&scene, &asked);
	add(&scene, &asks);
	make(&scene);
	table_is(&scene, "fw",
		 "-A in --ctstate UNTRACKED -j NOTRACK-est-accept\n"
		 "-A in --ctstate UNTRACKED -p udp -i eth0 --dport 53 -j services\n"
		 "-A in --map\n"
		 "-A NOTRACK-est-accept --family 4 -p udp -i eth0 --sport 53 --dport 1024:65535 -j ACCEPT\n"
		 "-A NOTRACK-est-accept --family 6 -p udp -i eth0 --sport 53 --dport 1024:65535 -j ACCEPT\n");
	ck_assert_uint_eq(scene.grafts.list[1].rule.original.extra_count, 2);
	end(&scene);
}
END_TEST

START_TEST(a_key_of_state_and_port_is_asked_for_its_port)
{
	struct scene scene = scene_of("*nft inet fw\n:in input 0 DROP\n"
				      "-A in --map state.proto.dport NEW.udp.53=ACCEPT,"
				      "NEW.tcp.22=ACCEPT\n");

	add(&scene, &asked);
	make(&scene);
	table_is(&scene, "fw",
		 "-A in --ctstate UNTRACKED -p udp --dport 53 -j NOTRACK-new-accept\n"
		 "-A in --map\n"
		 "-A NOTRACK-new-accept --family 4 -p udp -i eth0 --dport 53 -j ACCEPT\n"
		 "-A NOTRACK-new-accept --family 6 -p udp -i eth0 --dport 53 -j ACCEPT\n");
	end(&scene);
}
END_TEST

START_TEST(a_map_that_others_fill_is_refused)
{
	struct scene scene = scene_of("*nft inet fw\n:in input 0 DROP\n"
				      "-A in --map state.dport NEW.53=ACCEPT\n");

	scene.view.tables->chains->rules->steps[0].lookup->named = true;
	add(&scene, &asked);
	make(&scene);
	finding_is(&scene, "unsure", NOTRACK_FAILED, "inet fw in 1: ");
	end(&scene);
}
END_TEST

static const struct {
	const char *table;
	bool locked;
} closed[] = { { "firewalld", false }, { "kube-proxy", false }, { "fw", true } };

START_TEST(tables_of_programs_have_no_twins)
{
	char text[128];
	struct scene scene;

	snprintf(text, sizeof(text), "*nft inet %s\n:in input 0 DROP\n-A in --ctstate NEW -j ACCEPT\n",
		 closed[_i].table);
	scene = scene_of(text);
	scene.view.tables->locked = closed[_i].locked;
	add(&scene, &asked);
	make(&scene);
	ck_assert_uint_eq(scene.grafts.count, 0);
	end(&scene);
}
END_TEST

/* --- names ------------------------------------------------------------ */

static char *name_of_last(const char *text)
{
	struct scene scene = scene_of(text);
	char *name;

	add(&scene, &asked);
	make(&scene);
	name = strdup(scene.grafts.list[scene.grafts.count - 1].rule.to->name);
	end(&scene);
	return name;
}

START_TEST(names_stay_when_rules_around_them_change)
{
	char *before = name_of_last("*filter\n:INPUT DROP\n-A INPUT --ctstate NEW -j DROP\n");
	char *after = name_of_last("*filter\n:INPUT DROP\n:other\n-A INPUT -s 192.0.2.9 -j DROP\n"
				   "-A INPUT --ctstate NEW --limit -j LOG\n"
				   "-A INPUT -j other\n-A other --ctstate NEW -j DROP\n");
	char *other = name_of_last("*filter\n:INPUT DROP\n-A INPUT --ctstate NEW -j REJECT\n");

	ck_assert_str_eq(before, after);
	ck_assert_str_ne(before, other);
	free(before);
	free(after);
	free(other);
}
END_TEST

/* A log's prefix is no step, so that such rules mean the same; each has its own chain. */
START_TEST(two_rules_that_mean_the_same_have_two_chains)
{
	input_becomes("-A INPUT --ctstate NEW -j LOG\n-A INPUT --ctstate NEW -j LOG\n", &asked,
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-1\n"
		      "-A INPUT --ctstate NEW -j LOG\n"
		      "-A INPUT --ctstate UNTRACKED -j NOTRACK-new-2\n"
		      "-A INPUT --ctstate NEW -j LOG\n"
		      "-A NOTRACK-new-1 -p udp -i eth0 --dport 53 -g NOTRACK-do-3\n"
		      "-A NOTRACK-do-3 -j LOG\n"
		      "-A NOTRACK-new-2 -p udp -i eth0 --dport 53 -g NOTRACK-do-4\n"
		      "-A NOTRACK-do-4 -j LOG\n");
}
END_TEST

START_TEST(classic_services_have_no_twins)
{
	input_becomes("-A INPUT --ctstate NEW -j ACCEPT\n",
		      &(struct notrack_service){ .name = "dns", .mode = "classic" },
		      "-A INPUT --ctstate NEW -j ACCEPT\n");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, rules_that_ask_for_no_state_have_no_twin);
	tcase_add_test(tcase, an_accept_leads_to_the_chain_of_its_state);
	tcase_add_test(tcase, twins_that_accept_stand_together_those_of_requests_first);
	tcase_add_loop_test(tcase, a_twin_passes_no_rule_that_sees_untracked_packets, 0,
			    COUNT(between));
	tcase_add_test(tcase, a_twin_passes_none_that_does_more_than_accept);
	tcase_add_test(tcase, a_twin_goes_as_far_as_the_row_of_its_rule);
	tcase_add_test(tcase, a_drop_has_a_chain_of_its_own);
	tcase_add_test(tcase, what_goes_on_is_done_once);
	tcase_add_loop_test(tcase, what_leads_elsewhere_carries_its_selectors, 0, COUNT(leading));
	tcase_add_test(tcase, no_packet_is_led_to_a_chain_twice);
	tcase_add_test(tcase, twins_that_carry_their_selectors_are_known_by_a_comment);
	tcase_add_loop_test(tcase, a_request_would_have_been_new, 0, COUNT(states));
	tcase_add_test(tcase, an_answer_would_have_been_established);
	tcase_add_test(tcase, answers_of_a_server_are_looked_for_first);
	tcase_add_test(tcase, a_rule_about_something_else_has_no_twin);
	tcase_add_test(tcase, twins_stand_in_nested_chains);
	tcase_add_test(tcase, what_remembers_is_asked_behind_the_selectors);
	tcase_add_test(tcase, a_log_that_remembers_first_keeps_to_its_rate);
	tcase_add_test(tcase, a_rate_ahead_of_the_state_is_the_twins_own);
	tcase_add_test(tcase, what_remembers_for_others_first_is_led_around);
	tcase_add_test(tcase, what_only_remembers_ahead_of_the_state_has_seen_it_already);
	tcase_add_test(tcase, an_answer_is_led_past_what_drops_all_but_answers);
	tcase_add_test(tcase, nothing_is_copied_that_no_packet_gets_to);
	tcase_add_test(tcase, past_the_last_rule_is_the_end_of_the_chain);
	tcase_add_test(tcase, where_an_accept_is_all_that_follows_it_is_done_at_once);
	tcase_add_test(tcase, what_cannot_be_copied_is_refused);
	tcase_add_test(tcase, to_be_counted_or_to_enter_an_empty_chain_does_no_harm);
	tcase_add_test(tcase, errors_are_led_past_what_drops_invalid);
	tcase_add_test(tcase, errors_are_accepted_where_related_ones_are);
	tcase_add_test(tcase, errors_and_resets_get_out);
	tcase_add_test(tcase, errors_that_are_untracked_are_so_to_their_twins);
	tcase_add_test(tcase, in_a_shared_chain_selectors_tell_in_from_out);
	tcase_add_test(tcase, what_is_forwarded_is_left_alone);
	tcase_add_test(tcase, answers_are_not_looked_for_at_ports_that_others_ask);
	tcase_add_test(tcase, neither_raw_nor_nat_has_twins);
	tcase_add_test(tcase, both_worlds_have_twins_at_once);
	tcase_add_test(tcase, what_counts_for_a_service_counts_for_each_family);
	tcase_add_test(tcase, a_map_of_states_has_a_twin_an_element);
	tcase_add_test(tcase, a_key_of_state_and_port_is_asked_for_its_port);
	tcase_add_test(tcase, a_map_that_others_fill_is_refused);
	tcase_add_loop_test(tcase, tables_of_programs_have_no_twins, 0, COUNT(closed));
	tcase_add_test(tcase, names_stay_when_rules_around_them_change);
	tcase_add_test(tcase, two_rules_that_mean_the_same_have_two_chains);
	tcase_add_test(tcase, classic_services_have_no_twins);
}

int main(void)
{
	return unit_main("twins", tests);
}
