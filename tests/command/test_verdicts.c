/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What verify says of packets, and what becomes of them: the kernel is the judge. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "said.h"
#include "tables.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

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

static bool does_as_it_says(const struct family *family, bool inbound, bool connects)
{
	struct end server = { inbound ? HOST : PEER, inbound ? family->host : family->peer, 53 };
	struct end client = { inbound ? PEER : HOST, inbound ? family->peer : family->host, 0 };

	return connects ? tcp_exchange(family, client, server, 2) :
			  tcp_never_connects(family, client, server);
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
	{	/* in raw, no packet has a state yet: dropped as it would be if it were tracked */
		{ "-t raw -I PREROUTING -m conntrack --ctstate INVALID -p udp -j DROP" }, true,
		{ "no", "yes" }, { "drop", "accept" }, { "raw PREROUTING 1", NULL },
		"rule-ahead", "error", "raw PREROUTING 1",
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
		{ "-I INPUT -p udp -m hashlimit --hashlimit-name a --hashlimit-above 9/sec -j DROP" },
		true, { "yes", "yes" }, { "accept", "accept" }, { NULL, NULL }, NULL, NULL, NULL,
	},
	{	/* outbound: answers */
		{ "-P OUTPUT DROP", "-P INPUT DROP" }, false,
		{ "yes", "yes" }, { "accept", "accept" },
		{ "filter NOTRACK-dns-out 2", "filter NOTRACK-dns-in 2" }, NULL, NULL, NULL,
	},
	{
		{ "-I INPUT -p udp --sport 53 -j DROP" }, false,
		{ "yes", "yes" }, { "accept", "drop" }, { NULL, "filter INPUT 1" },
		"dropped", "error", "filter INPUT 1",
	},
};

/* Over nftables there are accepts where the host denied when dns was added. */
static void given_dns(const struct family *family)
{
	if (suite_is_nft())
		firewall_deny(family);
	must("notrackctl add dns");
	if (!suite_is_nft())
		return;
	must("%s -P INPUT ACCEPT", family->tables);
	must("%s -P OUTPUT ACCEPT", family->tables);
}

/* Where nftables untracks, in a table of ours, a rule of raw does what one there does. */
static const struct {
	const char *rule, *of_nft;
} untracking[] = {
	{ "-t raw -D PREROUTING -j NOTRACK-PREROUTING", "flush chain inet libnotrack prerouting" },
	{ "-t raw -D OUTPUT -j NOTRACK-OUTPUT", "flush chain inet libnotrack output" },
	{ "-t raw -I PREROUTING -m conntrack --ctstate INVALID -p udp -j DROP",
	  "insert rule inet libnotrack prerouting ct state invalid meta l4proto udp drop" },
	{ "-t raw -I PREROUTING -j ACCEPT", "insert rule inet libnotrack prerouting accept" },
	{ "-t raw -I PREROUTING -j CT --zone 7",
	  "insert rule inet libnotrack prerouting ct zone set 7" },
	{ "-t raw -A PREROUTING -j CT --zone 7",
	  "add rule inet libnotrack prerouting ct zone set 7" },
	{ "-t raw -A PREROUTING -j CT --notrack", "add rule inet libnotrack prerouting notrack" },
};

static bool edits_our_table(const struct firewall *firewall)
{
	return suite_is_nft() && !strncmp(firewall->rules[0], "-t raw ", 7);
}

static const char *rule_of_nft(const char *rule)
{
	for (int i = 0; i < COUNT(untracking); i++)
		if (!strcmp(untracking[i].rule, rule))
			return untracking[i].of_nft;
	ck_abort_msg("no rule of nft for %s", rule);
}

static void install(const struct family *family, const struct firewall *firewall)
{
	for (int i = 0; i < COUNT(firewall->rules) && firewall->rules[i]; i++)
		if (edits_our_table(firewall))
			must("nft %s", rule_of_nft(firewall->rules[i]));
		else
			must("%s %s", family->tables, firewall->rules[i]);
}

/* Over nftables, what accepts a service is in the opening itself, by the same numbers. */
static const char *by_whom(const struct family *family, const struct firewall *firewall, int which)
{
	const char *by = firewall->by[which];
	unsigned int number;

	if (!by || !suite_is_nft())
		return by;
	if (sscanf(by, "raw PREROUTING %u", &number) == 1)
		return format_text("inet libnotrack prerouting %u", number);
	if (sscanf(by, "filter NOTRACK-dns-in %u", &number) == 1)
		by = format_text("filter NOTRACK-INPUT %u", number);
	else if (sscanf(by, "filter NOTRACK-dns-out %u", &number) == 1)
		by = format_text("filter NOTRACK-OUTPUT %u", number);
	return place_of(family, by);
}

/* What somebody edited in a table of ours is drift, and what is tracked by it is told as that. */
static void assert_told(struct said said, const struct firewall *firewall)
{
	const bool tracks = !strcmp(firewall->untracked[0], "no") &&
			    !strcmp(firewall->verdict[0], "accept");

	if (!firewall->code)
		return;
	if (edits_our_table(firewall))
		assert_finds(said, tracks ? "tracked" : "drift", firewall->severity, "");
	else if (suite_is_nft() && !strcmp(firewall->code, "jump-missing"))
		assert_finds(said, "jump-missing", firewall->severity, "leads to NOTRACK-INPUT");
	else
		assert_finds(said, firewall->code, firewall->severity, firewall->words);
}

static void says_what_happens(const struct family *family, const struct firewall *firewall,
			      json_t *row, int which, bool accepted, bool tracked)
{
	const char *rule = firewall->rules[0], *by = by_whom(family, firewall, which);

	ck_assert_msg(!strcmp(text_of(row, "untracked"), firewall->untracked[which]) &&
		      !strcmp(text_of(row, "verdict"), firewall->verdict[which]) &&
		      (!by || !strcmp(text_of(row, "by"), by)),
		      "%s: %s", rule, json_dumps(row, 0));
	ck_assert_msg(accepted == !strcmp(firewall->verdict[which], "accept"), "%s: %s is %s", rule,
		      text_of(row, "packet"), accepted ? "accepted" : "dropped");
	if (accepted)
		ck_assert_msg(tracked == !strcmp(firewall->untracked[which], "no"), "%s: %s is %s", rule,
			      text_of(row, "packet"), tracked ? "tracked" : "untracked");
}

START_TEST(what_it_says_of_a_firewall_is_what_happens_to_packets)
{
	const struct family *family = suite_family(_i % FAMILY_COUNT);
	const struct firewall *firewall = &firewalls[_i / FAMILY_COUNT];
	const char *role = firewall->inbound ? "inbound" : "outbound";
	struct said said;
	struct fate fate;

	netns_add_peer();
	given_dns(family);
	install(family, firewall);
	said = verify("");
	fate = ask(family, firewall->inbound);

	says_what_happens(family, firewall, row_of(said, family, "udp", role, "request"), 0,
			  fate.request, fate.request_tracked);
	says_what_happens(family, firewall, row_of(said, family, "udp", role, "reply"), 1,
			  fate.reply, fate.reply_tracked);
	if (is_ok(said))
		ck_assert(fate.request && fate.reply && !fate.request_tracked && !fate.reply_tracked);
	assert_told(said, firewall);
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
		{ "filter NOTRACK-dns-out 9", "filter NOTRACK-dns-in 9" }, NULL, NULL, NULL,
	},
};

START_TEST(what_it_says_of_tcp_is_what_happens_to_connections)
{
	const struct family *family = suite_family(_i % FAMILY_COUNT);
	const struct firewall *firewall = &tcp_firewalls[_i / FAMILY_COUNT];
	const char *role = firewall->inbound ? "inbound" : "outbound";
	struct said said;
	json_t *request, *reply;

	netns_add_peer();
	given_dns(family);
	install(family, firewall);
	said = verify("");
	request = row_of(said, family, "tcp", role, "request");
	reply = row_of(said, family, "tcp", role, "reply");

	says_what_happens(family, firewall, request, 0,
			  !strcmp(text_of(request, "verdict"), "accept"), false);
	says_what_happens(family, firewall, reply, 1, !strcmp(text_of(reply, "verdict"), "accept"),
			  false);
	ck_assert(does_as_it_says(family, firewall->inbound, is_ok(said)));
	assert_told(said, firewall);
}
END_TEST

START_TEST(a_blocklist_ahead_is_told_and_no_failure)
{
	const struct family *family = suite_family(_i);
	struct end blocked = { PEER, family->other, 5353 }, client = { PEER, family->peer, 5353 };
	struct end server = { HOST, family->host, 53 };
	struct said said;
	int fd;

	netns_add_peer();
	given_dns(family);
	must("%s -I INPUT -s %s -j DROP", family->tables, family->other_prefix);
	said = verify("");
	fd = udp_open(family, server);

	ck_assert(is_ok(said));
	assert_finds(said, "rule-ahead", "warning", "filter INPUT 1");
	ck_assert(arrives(family, udp_open(family, client), server, fd));
	ck_assert(!arrives(family, udp_open(family, blocked), server, fd));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, what_it_says_of_a_firewall_is_what_happens_to_packets, 0,
			    COUNT(firewalls) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_it_says_of_tcp_is_what_happens_to_connections, 0,
			    COUNT(tcp_firewalls) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_blocklist_ahead_is_told_and_no_failure, 0, FAMILY_COUNT);
}

int main(void)
{
	return netns_main("verdicts", tests);
}
