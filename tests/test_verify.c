/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What verify says of packets, and what becomes of them: the kernel is the judge. */
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"
#include "tables.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* --- what verify says ------------------------------------------------- */

/* Exit code, and JSON that can be read. */
struct said {
	int code;
	json_t *json;
};

static struct said verify(const char *option)
{
	struct run done = run("notrackctl verify --json %s", option);
	json_error_t error;
	json_t *json = json_loads(done.out, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(json != NULL, "%s: not JSON: %s\n%.2000s%.2000s", done.command, error.text,
		      done.out, done.err);
	return (struct said){ done.code, keep(json) };
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "%s is missing", key);
	return text;
}

static bool is_ok(struct said said)
{
	json_t *ok = json_object_get(said.json, "ok");

	ck_assert(json_is_boolean(ok));
	ck_assert_int_eq(said.code, json_is_true(ok) ? 0 : 1);
	return json_is_true(ok);
}

/* Of a service with one inbound and one outbound flow a protocol, one row. */
static json_t *row_of(struct said said, const struct family *family, const char *protocol,
		      const char *role, const char *packet)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(said.json, "flows"), i, row)
		if (!strcmp(text_of(row, "family"), family->name) &&
		    !strcmp(text_of(row, "protocol"), protocol) &&
		    !strcmp(text_of(row, "role"), role) && !strcmp(text_of(row, "packet"), packet))
			return row;
	ck_abort_msg("no row: %s %s %s %s", family->name, protocol, role, packet);
}

static bool finds(struct said said, const char *code, const char *severity, const char *words)
{
	json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(said.json, "findings"), i, finding)
		if (!strcmp(text_of(finding, "code"), code) &&
		    !strcmp(text_of(finding, "severity"), severity) &&
		    strstr(text_of(finding, "text"), words))
			return true;
	return false;
}

#define assert_finds(said, code, severity, words)					\
	ck_assert_msg(finds(said, code, severity, words), "not found: %s %s %s\n%s", code,	\
		      severity, words, json_dumps((said).json, JSON_INDENT(2)))

/* --- what becomes of packets ------------------------------------------ */

/* A request and its reply, either of which may be this host's. */
struct fate {
	bool request, reply;			/* accepted */
	bool request_tracked, reply_tracked;
};

/* Behind raw and conntrack, ahead of filter, on either way. */
static void count_tracked(const struct family *family, bool inbound)
{
	const char *in = inbound ? "dport" : "sport", *out = inbound ? "sport" : "dport";

	counter_append(family, "in", "mangle", "PREROUTING",
		       format_text("-p udp --%s 53 -m conntrack ! --ctstate UNTRACKED", in));
	counter_append(family, "out", "mangle", "OUTPUT",
		       format_text("-p udp --%s 53 -m conntrack ! --ctstate UNTRACKED", out));
}

/* That nothing arrived can be told only when all that was sent is through. */
static bool arrives(const struct family *family, int fd, struct end to, int receiver)
{
	unsigned int waits = 0;
	bool arrived;

	udp_send(family, fd, to, 1);
	while (!(arrived = udp_pending(receiver)) && waits < 20 && wait_a_little(&waits))
		;
	return arrived;
}

static struct fate ask(const struct family *family, bool inbound)
{
	struct end server = { inbound ? HOST : PEER, inbound ? family->host : family->peer, 53 };
	struct end client = { inbound ? PEER : HOST, inbound ? family->peer : family->host, 5353 };
	int fd = udp_open(family, client), server_fd = udp_open(family, server);
	struct fate fate = { 0 };

	count_tracked(family, inbound);
	fate.request = arrives(family, fd, server, server_fd);
	fate.reply = arrives(family, server_fd, client, fd);
	fate.request_tracked = counter_packets(family, inbound ? "in" : "out");
	fate.reply_tracked = counter_packets(family, inbound ? "out" : "in");
	return fate;
}

/* How long to wait for a connection that will not come is nobody's to say. */
static bool connects(const struct family *family, bool inbound)
{
	struct end server = { inbound ? HOST : PEER, inbound ? family->host : family->peer, 53 };
	struct end client = { inbound ? PEER : HOST, inbound ? family->peer : family->host, 0 };

	return tcp_exchange(family, client, server, 2);
}

/* --- firewalls, and what they do to dns ------------------------------- */

/* Applied in order after dns was added; "NAME" of a table's own program is left out. */
struct firewall {
	const char *rules[6];
	bool inbound;			/* which flow is tried */
	const char *untracked[2];	/* request, reply */
	const char *verdict[2];
	const char *by[2];
	const char *code;		/* a finding of that severity that has these words */
	const char *severity, *words;
};

static const struct firewall firewalls[] = {
	{	/* as it was made */
		{ "-P INPUT DROP" }, true, { "yes", "yes" }, { "accept", "accept" },
		{ "filter NOTRACK-dns-in 1", "filter NOTRACK-dns-out 1" }, NULL, NULL, NULL,
	},
	{
		{ "-I INPUT -p udp --dport 53 -j DROP" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"rule-ahead", "error", "filter INPUT 1",
	},
	{
		{ "-I INPUT -j REJECT" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{	/* our jump deleted: what it kept from the policy */
		{ "-P INPUT DROP", "-D INPUT -j NOTRACK-INPUT" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT policy", NULL },
		"jump-missing", "error", "filter INPUT",
	},
	{	/* the same, where nothing comes of it */
		{ "-D INPUT -j NOTRACK-INPUT" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter INPUT policy", NULL },
		"jump-missing", "warning", "filter INPUT",
	},
	{
		{ "-t raw -D PREROUTING -j NOTRACK-PREROUTING" }, true,
		{ "no", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"jump-missing", "error", "raw PREROUTING",
	},
	{
		{ "-t raw -D OUTPUT -j NOTRACK-OUTPUT" }, false,
		{ "no", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"tracked", "error", "ahead of raw OUTPUT policy",
	},
	{	/* our jump, moved to a chain in between */
		{ "-P INPUT DROP", "-N between", "-A between -j NOTRACK-INPUT",
		  "-D INPUT -j NOTRACK-INPUT", "-A INPUT -p udp -j between" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter NOTRACK-dns-in 1", NULL },
		NULL, NULL, NULL,
	},
	{	/* a chain ahead that returns, and one that does not come back */
		{ "-P INPUT DROP", "-N ahead", "-A ahead -p udp --dport 53 -j RETURN",
		  "-A ahead -j DROP", "-I INPUT -j ahead" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter NOTRACK-dns-in 1", NULL },
		NULL, NULL, NULL,
	},
	{
		{ "-P INPUT DROP", "-N ahead", "-A ahead -p udp --dport 53 -j RETURN",
		  "-A ahead -j ACCEPT", "-I INPUT -g ahead" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT policy", NULL },
		"dropped", "error", "filter INPUT policy",
	},
	{	/* state: untracked is neither NEW nor ESTABLISHED nor INVALID */
		{ "-I INPUT -m conntrack --ctstate NEW,INVALID,ESTABLISHED,RELATED -j DROP" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter NOTRACK-dns-in 1", NULL },
		NULL, NULL, NULL,
	},
	{
		{ "-I INPUT -m state --state UNTRACKED -j DROP" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{
		{ "-I INPUT -m conntrack ! --ctstate NEW,ESTABLISHED -j DROP" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{	/* any other condition of conntrack is never met by what has no entry */
		{ "-I INPUT -m conntrack ! --ctproto 132 -j DROP" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter NOTRACK-dns-in 1", NULL },
		NULL, NULL, NULL,
	},
	{	/* in raw, no packet has a state yet */
		{ "-t raw -I PREROUTING -m conntrack --ctstate INVALID -p udp -j DROP" }, true,
		{ "no", "yes" }, { "drop", "accept" }, { "raw PREROUTING 1", NULL },
		"dropped", "error", "raw PREROUTING 1",
	},
	{
		{ "-t raw -I PREROUTING -j ACCEPT" }, true,
		{ "no", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"rule-ahead", "error", "raw PREROUTING 1",
	},
	{	/* whoever comes first */
		{ "-t raw -I PREROUTING -j CT --zone 7" }, true,
		{ "no", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"tracked", "error", "CT",
	},
	{
		{ "-t raw -A PREROUTING -j CT --zone 7" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { NULL, NULL }, NULL, NULL, NULL,
	},
	{
		{ "-t raw -D PREROUTING -j NOTRACK-PREROUTING", "-t raw -A PREROUTING -j CT --notrack" },
		true, { "yes", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"jump-missing", "warning", "raw PREROUTING",
	},
	{
		{ "-I OUTPUT -p udp --sport 53 -j DROP" }, true,
		{ "yes", "yes" }, { "accept", "drop" }, { NULL, "filter OUTPUT 1" },
		"dropped", "error", "filter OUTPUT 1",
	},
	{
		{ "-I INPUT -p udp -m multiport --ports 1:52,53 -m udp --sport 1024:65535 -j DROP" },
		true, { "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{
		{ "-N ahead", "-A ahead -o veth0 -j DROP", "-I INPUT -j ahead", "-I INPUT -j LOG",
		  "-I INPUT -p udp -m multiport ! --dports 53,80 -j DROP",
		  "-I INPUT ! -p udp -j DROP" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { "filter NOTRACK-dns-in 1", NULL },
		NULL, NULL, NULL,
	},
	{
		{ "-I INPUT ! -i nothing+ -j DROP" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{	/* the only interface there is, but for lo */
		{ "-I INPUT -i veth0 -p udp -j DROP" }, true,
		{ "yes", "yes" }, { "drop", "accept" }, { "filter INPUT 1", NULL },
		"dropped", "error", "filter INPUT 1",
	},
	{
		{ "-I OUTPUT -o lo -j DROP" }, true,
		{ "yes", "yes" }, { "accept", "accept" }, { NULL, NULL },
		"rule-ahead", "warning", "filter OUTPUT 1",
	},
	{	/* a rate that the packet keeps to */
		{ "-I INPUT -p udp -m hashlimit --hashlimit-name a --hashlimit-above 1000/sec -j DROP" },
		true, { "yes", "yes" }, { "accept", "accept" }, { NULL, NULL }, NULL, NULL, NULL,
	},
	{	/* outbound: answers */
		{ "-P OUTPUT DROP", "-P INPUT DROP" }, false,
		{ "yes", "yes" }, { "accept", "accept" },
		{ "filter NOTRACK-dns-out 3", "filter NOTRACK-dns-in 3" }, NULL, NULL, NULL,
	},
	{
		{ "-I INPUT -p udp --sport 53 -j DROP" }, false,
		{ "yes", "yes" }, { "accept", "drop" }, { NULL, "filter INPUT 1" },
		"dropped", "error", "filter INPUT 1",
	},
};

static void install(const struct family *family, const struct firewall *firewall)
{
	for (int i = 0; i < COUNT(firewall->rules) && firewall->rules[i]; i++)
		must("%s %s", family->tables, firewall->rules[i]);
}

static void says_what_happens(const struct firewall *firewall, json_t *row, int which, bool accepted,
			      bool tracked)
{
	const char *rule = firewall->rules[0];

	ck_assert_msg(!strcmp(text_of(row, "untracked"), firewall->untracked[which]) &&
		      !strcmp(text_of(row, "verdict"), firewall->verdict[which]) &&
		      (!firewall->by[which] || !strcmp(text_of(row, "by"), firewall->by[which])),
		      "%s: %s", rule, json_dumps(row, 0));
	ck_assert_msg(accepted == !strcmp(firewall->verdict[which], "accept"), "%s: %s is %s", rule,
		      text_of(row, "packet"), accepted ? "accepted" : "dropped");
	if (accepted)
		ck_assert_msg(tracked == !strcmp(firewall->untracked[which], "no"), "%s: %s is %s", rule,
			      text_of(row, "packet"), tracked ? "tracked" : "untracked");
}

START_TEST(what_it_says_of_a_firewall_is_what_happens_to_packets)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const struct firewall *firewall = &firewalls[_i / FAMILY_COUNT];
	const char *role = firewall->inbound ? "inbound" : "outbound";
	struct said said;
	struct fate fate;

	netns_add_peer();
	must("notrackctl add dns");
	install(family, firewall);
	said = verify("");
	fate = ask(family, firewall->inbound);

	says_what_happens(firewall, row_of(said, family, "udp", role, "request"), 0, fate.request,
			  fate.request_tracked);
	says_what_happens(firewall, row_of(said, family, "udp", role, "reply"), 1, fate.reply,
			  fate.reply_tracked);
	if (is_ok(said))
		ck_assert(fate.request && fate.reply && !fate.request_tracked && !fate.reply_tracked);
	if (firewall->code)
		assert_finds(said, firewall->code, firewall->severity, firewall->words);
}
END_TEST

/* TCP's own: what has no SYN meets other rules than what has one. */
static const struct firewall tcp_firewalls[] = {
	{
		{ "-P INPUT DROP", "-P OUTPUT DROP" }, true, { "yes", "yes" }, { "accept", "accept" },
		{ NULL, NULL }, NULL, NULL, NULL,
	},
	{
		{ "-I INPUT -p tcp --syn -j DROP" }, true, { "yes", "yes" }, { "drop", "accept" },
		{ "filter INPUT 1", NULL }, "dropped", "error", "tcp inbound request",
	},
	{
		{ "-I INPUT -p tcp --tcp-flags SYN,ACK ACK -j DROP" }, true, { "yes", "yes" },
		{ "drop", "accept" }, { "filter INPUT 1", NULL }, "dropped", "error", "filter INPUT 1",
	},
	{
		{ "-I INPUT -p tcp ! --syn -m state --state NEW -j DROP",
		  "-I INPUT -p tcp --tcp-flags ALL NONE -j DROP" }, true, { "yes", "yes" },
		{ "accept", "accept" }, { NULL, NULL }, NULL, NULL, NULL,
	},
	{
		{ "-P OUTPUT DROP", "-P INPUT DROP" }, false, { "yes", "yes" }, { "accept", "accept" },
		{ "filter NOTRACK-dns-out 4", "filter NOTRACK-dns-in 4" }, NULL, NULL, NULL,
	},
};

START_TEST(what_it_says_of_tcp_is_what_happens_to_connections)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const struct firewall *firewall = &tcp_firewalls[_i / FAMILY_COUNT];
	const char *role = firewall->inbound ? "inbound" : "outbound";
	struct said said;
	json_t *request, *reply;

	netns_add_peer();
	must("notrackctl add dns");
	install(family, firewall);
	said = verify("");
	request = row_of(said, family, "tcp", role, "request");
	reply = row_of(said, family, "tcp", role, "reply");

	says_what_happens(firewall, request, 0, !strcmp(text_of(request, "verdict"), "accept"), false);
	says_what_happens(firewall, reply, 1, !strcmp(text_of(reply, "verdict"), "accept"), false);
	ck_assert_int_eq(is_ok(said), connects(family, firewall->inbound));
	if (firewall->code)
		assert_finds(said, firewall->code, firewall->severity, firewall->words);
}
END_TEST

/* --- what nobody knows ------------------------------------------------ */

static const struct {
	const char *rules[4];
	const char *untracked, *verdict, *by;	/* of the inbound request */
} unsure[] = {
	{ { "-I INPUT -m length --length 1:60000 -j DROP" }, "yes", "unsure", "filter INPUT 1" },
	{ { "-I INPUT -m length --length 1 -j DROP" }, "yes", "unsure", "filter INPUT 1" },
	{ { "-I INPUT -m length --length 1 -j NFQUEUE" }, "yes", "unsure", "filter INPUT 1" },
	{ { "-N c", "-A c -j DROP", "-I INPUT -m length --length 1 -j c" }, "yes", "unsure",
	  "filter c 1" },
	{ { "-P INPUT DROP", "-D INPUT -j NOTRACK-INPUT", "-A INPUT -m length --length 1: -j ACCEPT" },
	  "yes", "unsure", "filter INPUT 1" },
	{ { "-t raw -I PREROUTING -m length --length 1 -j ACCEPT" }, "unsure", "accept", NULL },
	{ { "-t raw -D PREROUTING 1", "-t raw -A PREROUTING -m length --length 1: -j NOTRACK" },
	  "unsure", "accept", NULL },
};

START_TEST(what_cannot_be_told_is_unsure)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	struct said said;
	json_t *row;

	must("notrackctl add dns");
	_i /= FAMILY_COUNT;
	for (int i = 0; i < COUNT(unsure[_i].rules) && unsure[_i].rules[i]; i++)
		must("%s %s", family->tables, unsure[_i].rules[i]);
	said = verify("");
	row = row_of(said, family, "udp", "inbound", "request");

	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row, "untracked"), unsure[_i].untracked);
	ck_assert_str_eq(text_of(row, "verdict"), unsure[_i].verdict);
	if (unsure[_i].by)
		ck_assert_str_eq(text_of(row, "by"), unsure[_i].by);
	assert_finds(said, "unsure", "error", "udp inbound request");
}
END_TEST

/* Whatever the match says: it ends the same. */
static const char *const no_matter[] = {
	"-I INPUT -m length --length 1 -j ACCEPT",
	"-I INPUT -m length --length 1 -j LOG",
	"-I INPUT -p icmp -m length --length 1 -j DROP",
	"-t raw -I PREROUTING -m length --length 1 -j NOTRACK",
	"-I INPUT -m length --length 1 -j NOTRACK-INPUT",
	"-A INPUT -m length --length 1 -j DROP",
};

START_TEST(a_match_that_is_not_known_does_no_harm_where_both_ways_end_the_same)
{
	const struct family *family = &families[_i % FAMILY_COUNT];

	must("notrackctl add dns");
	must("%s %s", family->tables, no_matter[_i / FAMILY_COUNT]);

	ck_assert(is_ok(verify("")));
}
END_TEST

/* --- rules for some --------------------------------------------------- */

START_TEST(a_blocklist_ahead_is_told_and_no_failure)
{
	const struct family *family = &families[_i];
	struct end blocked = { PEER, family->other, 5353 }, client = { PEER, family->peer, 5353 };
	struct end server = { HOST, family->host, 53 };
	struct said said;
	int fd;

	netns_add_peer();
	must("notrackctl add dns");
	must("%s -I INPUT -s %s -j DROP", family->tables, family->other_prefix);
	said = verify("");
	fd = udp_open(family, server);

	ck_assert(is_ok(said));
	assert_finds(said, "rule-ahead", "warning", "filter INPUT 1");
	ck_assert(arrives(family, udp_open(family, client), server, fd));
	ck_assert(!arrives(family, udp_open(family, blocked), server, fd));
}
END_TEST

START_TEST(a_rule_that_keeps_some_tracked_is_told)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -t raw -I OUTPUT -d %s -j ACCEPT", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(is_ok(said));
	assert_finds(said, "rule-ahead", "warning", "raw OUTPUT 1");
}
END_TEST

/* Everybody but some: the usual packet is not of them. */
START_TEST(a_drop_of_all_but_some_is_a_failure)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -I INPUT ! -s %s -p udp --dport 53 -j DROP", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row_of(said, family, "udp", "inbound", "request"), "verdict"), "drop");
}
END_TEST

START_TEST(a_rule_for_the_host_s_only_address_is_one_for_all)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("notrackctl add dns");
	must("%s -I INPUT -d %s -p udp -j DROP", family->tables, family->host);

	ck_assert(!is_ok(verify("")));
}
END_TEST

START_TEST(a_rule_outside_a_service_s_prefixes_is_none_of_its_business)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns --role outbound --remote %s --local %s", family->peer, family->host);
	must("%s -I INPUT -s %s -j DROP", family->tables, family->other_prefix);
	must("%s -I INPUT -d %s -j DROP", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);
}
END_TEST

/* --- the whole -------------------------------------------------------- */

START_TEST(dns_behind_a_stateful_firewall_is_fine_as_soon_as_it_is_added)
{
	struct said said;

	for (int i = 0; i < FAMILY_COUNT; i++)
		firewall_install(&families[i]);
	must("notrackctl add dns %s", _i ? "--classic" : "");
	must("notrackctl limit dns 198.51.100.0/24,192.0.2.7,2001:db8:1::/64,::/0 --above 1/hour");
	said = verify("");

	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "flows")), 16);
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);
	must("notrackctl verify");
}
END_TEST

START_TEST(every_kind_of_service_is_fine_as_soon_as_it_is_added)
{
	must("notrackctl add ntp");
	must("notrackctl add radius --interface eth+,veth0 --local 192.0.2.1,192.0.2.2");
	must("notrackctl add wide --role both --proto udp,tcp,sctp,udplite --ports 5,7:9,1000:60000,"
	     "61000,62000:65535 --remote 198.51.100.0/24,2001:db8:1::/48");
	for (int i = 0; i < FAMILY_COUNT; i++) {
		must("%s -P INPUT DROP", families[i].tables);
		must("%s -P OUTPUT DROP", families[i].tables);
	}
	must("notrackctl verify");
	must("notrackctl verify -4 radius");
}
END_TEST

START_TEST(without_services_there_is_nothing_to_verify)
{
	struct said said = verify("");
	struct run done = must("notrackctl verify");

	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "flows")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);
	ck_assert_ptr_nonnull(strstr(done.out, "nothing to verify"));
	ck_assert_str_eq(must("iptables-legacy-save").out, "");
}
END_TEST

START_TEST(a_service_that_is_not_there_is_bad_input)
{
	must("notrackctl add dns");

	ck_assert_int_eq(run("notrackctl verify ntp").code, 2);
	ck_assert_int_eq(run("notrackctl verify dns ntp").code, 2);
	ck_assert_int_eq(run("notrackctl verify -o NONE").code, 2);
	ck_assert_int_eq(run("notrackctl verify dns").code, 0);
}
END_TEST

START_TEST(one_service_is_verified_and_not_the_others)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("notrackctl add https");
	must("%s -I INPUT -p tcp --dport 443 -j DROP", family->tables);

	ck_assert(!is_ok(verify("")));
	ck_assert(!is_ok(verify("https")));
	said = verify("dns");
	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "flows")), 16);
	ck_assert_int_eq(run("notrackctl verify https %s", families[!_i].option).code, 0);
}
END_TEST

/* What a firewall script begins with, by one who knows of filter only. */
START_TEST(a_flushed_filter_is_seen_by_what_raw_still_does)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -F", family->tables);
	must("%s -X", family->tables);
	said = verify("");

	ck_assert(!is_ok(said));
	assert_finds(said, "drift", "error", "dns");
}
END_TEST

START_TEST(an_edited_chain_is_drift)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -A NOTRACK-dns-in -p udp --dport 5353 -j ACCEPT", family->tables);
	said = verify("");
	ck_assert(is_ok(said));
	assert_finds(said, "drift", "warning", "1 rules");

	must("%s -I NOTRACK-dns-in -p udp -j DROP", family->tables);
	said = verify("");
	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row_of(said, family, "udp", "inbound", "request"), "by"),
			 "filter NOTRACK-dns-in 1");
}
END_TEST

START_TEST(a_rule_behind_our_jump_is_not_ahead_of_it)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -D NOTRACK-dns-in 1", family->tables);
	must("%s -A INPUT -p udp -j DROP", family->tables);
	said = verify("");

	assert_finds(said, "dropped", "error", "add or apply");
	ck_assert(!finds(said, "rule-ahead", "error", "INPUT"));
}
END_TEST

START_TEST(nat_that_has_no_effect_is_told)
{
	const struct family *family = &families[_i];
	struct said said;

	must("notrackctl add dns");
	must("%s -t nat -A PREROUTING -p udp --dport 54 -j REDIRECT --to-ports 5353", family->tables);
	said = verify("");
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);

	must("%s -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353", family->tables);
	said = verify("");
	ck_assert(is_ok(said));
	assert_finds(said, "nat", "warning", "nat PREROUTING 2");
}
END_TEST

START_TEST(the_table_has_the_columns_that_were_asked_for)
{
	struct run done;

	must("notrackctl add dot");
	must("iptables-legacy -I INPUT -p tcp -j DROP");
	done = run("notrackctl verify -4 -o SERVICE,PACKET,VERDICT,BY --raw --noheadings");

	ck_assert_int_eq(done.code, 1);
	ck_assert_str_eq(done.out, "dot request drop filter\\x20INPUT\\x201\n"
				   "dot reply accept filter\\x20NOTRACK-dot-out\\x201\n");
	ck_assert_ptr_nonnull(strstr(done.err, "dropped"));
	done = run("notrackctl verify -4");
	ck_assert_ptr_nonnull(strstr(done.out, "filter INPUT 1"));
	ck_assert_ptr_nonnull(strstr(done.out, "rule-ahead"));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_it_says_of_a_firewall_is_what_happens_to_packets, 0,
			    COUNT(firewalls) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_it_says_of_tcp_is_what_happens_to_connections, 0,
			    COUNT(tcp_firewalls) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_cannot_be_told_is_unsure, 0, COUNT(unsure) * FAMILY_COUNT);
	tcase_add_loop_test(tcase,
			    a_match_that_is_not_known_does_no_harm_where_both_ways_end_the_same, 0,
			    COUNT(no_matter) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_blocklist_ahead_is_told_and_no_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_that_keeps_some_tracked_is_told, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_drop_of_all_but_some_is_a_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_for_the_host_s_only_address_is_one_for_all, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_outside_a_service_s_prefixes_is_none_of_its_business, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, dns_behind_a_stateful_firewall_is_fine_as_soon_as_it_is_added, 0, 2);
	tcase_add_test(tcase, every_kind_of_service_is_fine_as_soon_as_it_is_added);
	tcase_add_test(tcase, without_services_there_is_nothing_to_verify);
	tcase_add_test(tcase, a_service_that_is_not_there_is_bad_input);
	tcase_add_loop_test(tcase, one_service_is_verified_and_not_the_others, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_flushed_filter_is_seen_by_what_raw_still_does, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, an_edited_chain_is_drift, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_behind_our_jump_is_not_ahead_of_it, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, nat_that_has_no_effect_is_told, 0, FAMILY_COUNT);
	tcase_add_test(tcase, the_table_has_the_columns_that_were_asked_for);
}

int main(void)
{
	return netns_main("verify", tests);
}
