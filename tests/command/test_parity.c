/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hosts decide about who asks, ahead of us and after us: each with the packets that
 * it is about on the wire, and one near it with the opposite answer.
 */
#include "netns.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packets.h"
#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RULES_MAX = 8, REFUSED = 1 };

/* "%1$s" is the source that a rule singles out. */
struct host {
	const char *rules[RULES_MAX];
	bool singled_out, others;	/* whether they are answered, before and after */
};

/* But for counters, and the time. */
static char *saved(const struct family *family)
{
	return must("sh -c '%s -t filter | grep -v ^# | sed \"s/\\[.*\\]//\"'", family->save).out;
}

static void given_rules(const struct family *family, const struct host *host)
{
	for (size_t i = 0; i < RULES_MAX && host->rules[i]; i++)
		must("%s -w %s", family->tables, format_text(host->rules[i], family->other));
}

static void answers_are(const struct family *family, const struct host *host, const char *when)
{
	ck_assert_msg(client_is_answered(family, family->other) == host->singled_out,
		      "%s: who is singled out", when);
	ck_assert_msg(client_is_answered(family, family->limited) == host->others, "%s: others", when);
}

#define ESTABLISHED "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
#define ANSWERS "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT"

#define ASKS "-p udp --dport 53 -m conntrack "

static const struct host hosts[] = {
	/* a ban ahead of what lets in; and the same where nobody is banned */
	{ { ESTABLISHED, "-A INPUT -s %1$s -j DROP", ANSWERS, "-A INPUT -p udp -j REJECT" }, false, true },
	{ { ESTABLISHED, ANSWERS, "-A INPUT -p udp -j REJECT" }, true, true },
	/* only one may ask; and only that one may not */
	{ { ESTABLISHED, "-A INPUT -s %1$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, true, false },
	{ { ESTABLISHED, "-A INPUT ! -s %1$s -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, false, true },
	/* by a mark, which a rule elsewhere gives */
	{ { "-t mangle -A PREROUTING -s %1$s -j MARK --set-mark 9", ESTABLISHED,
	    "-A INPUT -m mark --mark 9 -j ACCEPT", "-A INPUT -p udp -j DROP" }, true, false },
	/* a zone, with its ban and its end, reached by the interface; and without the ban */
	{ { "-N zone", "-A zone -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	    "-A zone -s %1$s -j DROP", "-A zone -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A zone -p udp -j REJECT", "-A INPUT ! -i lo -j zone" }, false, true },
	{ { "-N zone", "-A zone -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	    "-A zone -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A zone -p udp -j REJECT", "-A INPUT ! -i lo -j zone" }, true, true },
	/* another protocol is excluded, as arno-iptables-firewall writes it; and an interface */
	{ { "-N zone", ESTABLISHED, "-A zone -s %1$s -j DROP",
	    "-A zone -p udp --dport 53 -j ACCEPT", "-A zone -p udp -j REJECT",
	    "-A INPUT ! -i eth9 ! -p esp -m conntrack --ctstate NEW -j zone" }, false, true },
	/* a program decides, or nobody where none listens, which accepts */
	{ { ESTABLISHED, "-A INPUT -s %1$s -j DROP",
	    "-A INPUT -p udp -m conntrack --ctstate NEW -j NFQUEUE --queue-num 0 --queue-bypass",
	    "-A INPUT -p udp -j DROP" }, false, true },
	/* a chain that lets some return; and one that lets nobody */
	{ { "-N some", "-A some -s %1$s -m conntrack --ctstate NEW -j RETURN", "-A some -j DROP",
	    ESTABLISHED, "-A INPUT -p udp -m conntrack --ctstate NEW -j some" }, true, false },
	/* what is in no state that is meant is dropped: ours would be */
	{ { ESTABLISHED, "-A INPUT -p udp -m conntrack ! --ctstate NEW -j DROP",
	    "-A INPUT -s %1$s -p udp -j DROP" }, false, true },
	{ { "-A INPUT -p udp -m conntrack --ctstate INVALID,UNTRACKED -j DROP",
	    "-A INPUT -s %1$s -p udp -j DROP" }, false, true },
	/* ours would be accepted as they are untracked, past a ban and a list; and past the list */
	{ { "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT",
	    "-A INPUT -s %1$s -j DROP",
	    "-A INPUT -p udp --dport 53 -m recent --set --name own -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, false, true },
	{ { "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT",
	    "-A INPUT -p udp --dport 53 -m recent --set --name own -m conntrack --ctstate INVALID -j DROP",
	    "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, true, true },
	/* a rate ahead of the state: the rule's own; and one that counts sources by name */
	{ { ESTABLISHED, "-A INPUT -p udp --dport 53 -s %1$s -j DROP",
	    "-A INPUT -p udp --dport 53 -m limit --limit 100/sec -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, false, true },
	{ { ESTABLISHED, "-N slow", "-A INPUT -p udp -j slow", "-A slow -m limit --limit 100/sec "
	    "-m conntrack --ctstate NEW -j RETURN", "-A slow -j DROP",
	    "-A INPUT -p udp --dport 53 -s %1$s -j ACCEPT", "-A INPUT -p udp -j DROP" }, true, false },
	{ { ESTABLISHED, "-A INPUT -p udp --dport 53 -m hashlimit --hashlimit-upto 100/sec "
	    "--hashlimit-mode srcip --hashlimit-name own -s %1$s -m conntrack --ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, true, false },
	{ { ESTABLISHED, "-A INPUT -p udp --dport 53 -m recent --set --name own -m conntrack "
	    "--ctstate NEW -s %1$s -j DROP", "-A INPUT -p udp --dport 53 -j ACCEPT" }, false, true },
	/* by the direction, which questions and answers have; and which none of them has */
	{ { "-A INPUT -m conntrack --ctdir REPLY -j ACCEPT",
	    "-A INPUT -s %1$s " ASKS "--ctstate NEW --ctdir ORIGINAL -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, true, false },
	{ { "-A INPUT -m conntrack --ctdir REPLY -j ACCEPT",
	    "-A INPUT -s %1$s " ASKS "--ctstate NEW --ctdir REPLY -j ACCEPT",
	    "-A INPUT ! -s %1$s " ASKS "--ctstate NEW --ctdir ORIGINAL -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, false, true },
	/* by what conntrack has seen of the connection: of a question, no reply */
	{ { "-A INPUT -m conntrack --ctstate ESTABLISHED --ctstatus SEEN_REPLY -j ACCEPT",
	    "-A INPUT -s %1$s " ASKS "--ctstate NEW ! --ctstatus SEEN_REPLY -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, true, false },
	{ { "-A INPUT -m conntrack --ctstate ESTABLISHED --ctstatus SEEN_REPLY -j ACCEPT",
	    "-A INPUT -s %1$s " ASKS "--ctstate NEW --ctstatus SEEN_REPLY -j ACCEPT",
	    "-A INPUT ! -s %1$s " ASKS "--ctstate NEW -j ACCEPT",
	    "-A INPUT -p udp -j DROP" }, false, true },
};

START_TEST(who_was_answered_is_answered_and_who_was_not_is_not)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const struct host *host = &hosts[_i / FAMILIES_OF_BOTH_WORLDS];
	char *before;

	netns_add_peer();
	given_rules(family, host);
	answers_are(family, host, "before");
	before = saved(family);

	must("notrackctl %s add dns", family->option);
	answers_are(family, host, "after add");
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns", family->option).out,
				     "\"changed\": false"));
	must("notrackctl verify");

	must("notrackctl clear");
	assert_same_text(saved(family), before);
	answers_are(family, host, "after clear");
}
END_TEST

/* What ours ask for is another thing than what the host's rule excludes, or within the rest. */
START_TEST(what_is_excluded_is_none_of_ours)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("%s -w -N zone", family->tables);
	must("%s -w -A zone -p udp --dport 53 -j ACCEPT", family->tables);
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -A INPUT ! -i eth9 ! -s %s ! -p esp -m conntrack --ctstate NEW -j zone",
	     family->tables, family->other);
	must("%s -w " ESTABLISHED, family->tables);
	must("notrackctl %s add dns --proto udp --role inbound --interface veth0 --from %s", family->option,
	     family->peer);
	ck_assert(client_is_answered(family, family->peer));
	ck_assert(!client_is_answered(family, family->other));
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns --proto udp --role inbound "
					  "--interface veth0 --from %s", family->option, family->peer).out,
				     "\"changed\": false"));
}
END_TEST

/* Nobody is let in, so that the service is opened: ahead of what drops all, and behind bans. */
static const struct host shut[] = {
	/* all that is sent to this host, and to nobody else; and what one sends */
	{ { ESTABLISHED, "-A INPUT -m pkttype --pkt-type unicast -j REJECT", "-P INPUT DROP" }, true, true },
	{ { ESTABLISHED, "-A INPUT -m addrtype --dst-type LOCAL -j REJECT", "-P INPUT DROP" }, true, true },
	{ { ESTABLISHED, "-A INPUT -m pkttype --pkt-type unicast -m limit --limit 5/second -j REJECT",
	    "-P INPUT DROP" }, true, true },
	{ { ESTABLISHED, "-A INPUT -s %1$s -m pkttype --pkt-type unicast -j REJECT",
	    "-P INPUT DROP" }, false, true },
	/* what answers of time servers need lets nobody ask; nor does it let in whom it names */
	{ { ESTABLISHED, "-A INPUT -p udp --sport 123 -j ACCEPT", "-A INPUT -j REJECT" }, true, true },
	{ { ESTABLISHED, "-A INPUT -p udp --sport 123 -j ACCEPT", "-A INPUT -s %1$s -j DROP",
	    "-A INPUT -j REJECT" }, false, true },
	/* what is dropped within a rate alone is not all, and a ban behind it stands */
	{ { ESTABLISHED, "-A INPUT -p udp -m limit --limit 1/day --limit-burst 1 -j REJECT",
	    "-A INPUT -s %1$s -j DROP", "-P INPUT DROP" }, false, true },
	{ { ESTABLISHED, "-A INPUT -p udp -m pkttype --pkt-type unicast -m limit --limit 1/day "
	    "--limit-burst 1 -j REJECT", "-A INPUT -s %1$s -j DROP", "-P INPUT DROP" }, false, true },
	/* peers that are named by their port, and who else may not ask */
	{ { ESTABLISHED, "-A INPUT -s %1$s -p udp --sport 53 --dport 53 -j ACCEPT", "-P INPUT DROP" },
	  false, false },
	{ { ESTABLISHED, "-A INPUT -s %1$s -p udp --sport 512:1023 --dport 53 -j ACCEPT",
	    "-P INPUT DROP" }, false, false },
	{ { ESTABLISHED, "-A INPUT -s %1$s -p udp --sport 123 -j ACCEPT", "-P INPUT DROP" }, false, false },
};

START_TEST(what_is_shut_is_opened_ahead_of_what_drops_all)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const struct host *host = &shut[_i / FAMILIES_OF_BOTH_WORLDS];

	netns_add_peer();
	must("%s -w -A INPUT -p %s -j ACCEPT", family->tables,
	     family->domain == AF_INET6 ? "ipv6-icmp" : "icmp");
	given_rules(family, host);
	answers_are(family, &(struct host){ .others = false }, "before");

	must("notrackctl %s add dns", family->option);
	answers_are(family, host, "after add");
	ck_assert_ptr_null(strstr(run("notrackctl %s verify", family->option).out, "shadowed"));
}
END_TEST

#define UNTRACKED_IS_DROPPED "-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP"
#define UNTRACKED_IS_ACCEPTED "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT"

/* What leads untracked packets past a rule leads them to what is opened, and not past that. */
static const struct {
	const char *rules[RULES_MAX];
	bool banned;			/* the source that a rule singles out */
} untracked_is_taken[] = {
	{ { UNTRACKED_IS_DROPPED, ESTABLISHED, "-P INPUT DROP" }, false },
	{ { UNTRACKED_IS_DROPPED, ESTABLISHED, "-A INPUT -s %1$s -j DROP", "-A INPUT -j DROP" }, true },
	{ { UNTRACKED_IS_DROPPED, "-A INPUT -s %1$s -j DROP", ESTABLISHED, "-P INPUT DROP" }, true },
	{ { ESTABLISHED, UNTRACKED_IS_DROPPED, "-A INPUT -p udp --dport 53 -j ACCEPT",
	    "-A INPUT -j DROP" }, false },
	{ { UNTRACKED_IS_ACCEPTED, "-P INPUT DROP" }, false },
	{ { UNTRACKED_IS_ACCEPTED, "-A INPUT -s %1$s -j DROP", "-A INPUT -j REJECT" }, true },
};

START_TEST(what_is_opened_is_open_where_a_rule_takes_the_untracked)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	const bool banned = untracked_is_taken[number].banned;
	const struct host host = { .singled_out = !banned, .others = true };
	const struct end server = { HOST, family->host, 53 };

	netns_add_peer();
	must("%s -w -A INPUT -p %s -j ACCEPT", family->tables,
	     family->domain == AF_INET6 ? "ipv6-icmp" : "icmp");
	for (size_t i = 0; i < RULES_MAX && untracked_is_taken[number].rules[i]; i++)
		must("%s -w %s", family->tables, format_text(untracked_is_taken[number].rules[i],
							     family->other));

	must("notrackctl %s add dns --role inbound", family->option);
	answers_are(family, &host, "after add");
	ck_assert(tcp_exchange(family, (struct end){ PEER, family->limited, 0 }, server, 1));
	if (banned)
		ck_assert(tcp_never_connects(family, (struct end){ PEER, family->other, 0 }, server));
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns --role inbound",
					  family->option).out, "\"changed\": false"));
	must("notrackctl verify");
	must("notrackctl clear");
	ck_assert_ptr_null(strstr(must("%s -S", family->tables).out, "NOTRACK"));
}
END_TEST

/* Forbidden by name: refused with the rule, and nothing changed; forced, it is opened. */
START_TEST(what_a_rule_forbids_by_name_is_refused)
{
	const struct family *family = &families[_i];
	struct run refused, added;
	char *before;

	netns_add_peer();
	must("%s -w -A INPUT -p udp --dport 53 -j DROP", family->tables);
	before = saved(family);

	refused = run("notrackctl %s add dns", family->option);
	ck_assert_int_eq(refused.code, REFUSED);
	ck_assert_msg(strstr(refused.err, "filter INPUT 1"), "%s", refused.err);
	assert_same_text(saved(family), before);
	ck_assert(!client_is_answered(family, family->other));

	refused = must("notrackctl %s add dns --force", family->option);
	ck_assert_msg(strstr(refused.err, "filter INPUT 1") && strstr(refused.err, "forced"), "%s",
		      refused.err);
	ck_assert(client_is_answered(family, family->other));
	ck_assert_str_eq(must("notrackctl %s show", family->option).err, "");

	/* what comes later, unforced, takes nothing away, and what is there is no change */
	must("notrackctl %s limit dns %s --above 5/sec", family->option, family->limited);
	ck_assert(client_is_answered(family, family->other));
	must("notrackctl %s unlimit dns %s", family->option, family->limited);
	ck_assert(client_is_answered(family, family->other));
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns", family->option).out,
				     "\"changed\": false"));

	/* another service is not refused for it, and comes as it would by force */
	before = must("notrackctl %s --json add ntp --force", family->option).out;
	must("notrackctl %s del ntp", family->option);
	added = must("notrackctl %s --json add ntp", family->option);
	ck_assert_str_eq(added.out, before);
	ck_assert_msg(strstr(added.err, "warning: dropped: filter INPUT"), "%s", added.err);
	must("notrackctl verify");
	ck_assert(client_is_answered(family, family->other));
	ck_assert_int_eq(run("notrackctl %s add dns --reply-ports 2048:65535", family->option).code, REFUSED);
}
END_TEST

/* Only who was opened by force is: of the others, the host may think again. */
START_TEST(what_is_forbidden_later_is_not_opened_by_another_change)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w " ESTABLISHED, family->tables);
	must("%s -w -A INPUT -p %s -j ACCEPT", family->tables,
	     family->domain == AF_INET6 ? "ipv6-icmp" : "icmp");
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	must("notrackctl %s add ntp", family->option);
	must("notrackctl %s add dns --proto udp --role inbound", family->option);
	ck_assert(client_is_answered(family, family->other));

	must("%s -w -D INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -j DROP", family->tables);
	must("notrackctl %s limit ntp %s --above 5/sec", family->option, family->limited);
	ck_assert(!client_is_answered(family, family->other));
	must("notrackctl %s unlimit ntp %s", family->option, family->limited);
	ck_assert(!client_is_answered(family, family->other));
}
END_TEST

/* As many rules as a copy of the rest of a chain has room for, and an opening among them. */
START_TEST(a_rest_that_is_just_too_long_is_refused)
{
	for (unsigned int count = 60; count < 68; count++) {
		char *rules = format_text("table inet h {\n chain i {\n type filter hook input priority 0;\n"
					  "ct state untracked accept\n");
		struct run added;

		for (unsigned int i = 0; i < count; i++)
			rules = format_text("%sudp dport 53 counter\n", rules);
		rules = format_text("%sip saddr 192.0.2.98 drop\ndrop\n }\n}\n", rules);
		must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
		added = run("notrackctl add dns");
		ck_assert_msg(added.code == (count < 62 ? 0 : REFUSED), "%u: exit %d: %s", count, added.code,
			      added.err);
		must("notrackctl clear");
		must("nft flush ruleset");
	}
}
END_TEST

/* However many elements a map has by what nobody can tell, they are one question. */
START_TEST(a_large_map_that_nobody_can_tell_takes_no_time)
{
	char *rules = format_text("table inet h {\n chain ok {\n udp dport 53 accept\n }\n chain i {\n"
				  " type filter hook input priority 0; policy drop;\n"
				  " ct state established,related accept\n numgen inc mod 5000 vmap { ");

	for (unsigned int i = 0; i < 600; i++)
		rules = format_text("%s%u : jump ok, ", rules, i);
	rules = format_text("%s}\n }\n}\n", rules);
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	must("notrackctl --backend nft add dns --role inbound");
	run("notrackctl verify");
	must("notrackctl clear");
}
END_TEST

/* The host's own limit counts what is new, and goes on limiting. */
START_TEST(a_limit_of_the_host_goes_on_limiting)
{
	const struct family *family = &families[_i];
	unsigned int answered = 0;

	netns_add_peer();
	must("%s -w " ESTABLISHED, family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -m recent --set --name own",
	     family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -m recent --update --seconds 60 "
	     "--hitcount 6 --name own -j DROP", family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	must("%s -w -A INPUT -p udp -j DROP", family->tables);

	must("notrackctl %s add dns", family->option);
	for (int i = 0; i < 12; i++)
		answered += client_is_answered(family, family->other);
	ck_assert_uint_eq(answered, 5);
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns", family->option).out,
				     "\"changed\": false"));
}
END_TEST

/* Only they are untracked, and let in where the host lets nobody in. */
START_TEST(from_names_who_may_ask)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w " ESTABLISHED, family->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	if (family->domain == AF_INET6)
		must("%s -w -A INPUT -p ipv6-icmp -j ACCEPT", family->tables);

	must("notrackctl %s add dns-auth --from %s", family->option, family->other_prefix);
	ck_assert(client_is_answered(family, family->other));
	ck_assert(!client_is_answered(family, family->limited));
	ck_assert_ptr_nonnull(strstr(must("notrackctl show").out, family->other_prefix));
	must("notrackctl verify");
}
END_TEST

/* Not even over lo: packets from its port to its port could be either way. */
START_TEST(a_host_that_asks_nobody_serves)
{
	const struct family *family = &families[_i];

	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -P OUTPUT DROP", family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT",
	     family->tables);
	must("%s -w -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", family->tables);

	must("notrackctl %s add dns --role inbound", family->option);
	must("notrackctl %s add dns", family->option);
}
END_TEST

/* Nor do packets over lo from the port of one service to that of another. */
START_TEST(services_come_one_after_the_other)
{
	const struct family *family = &families[_i];

	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w " ESTABLISHED, family->tables);
	must("notrackctl %s add syslog", family->option);
	must("notrackctl %s add ntp", family->option);
	must("notrackctl %s add dns", family->option);
	must("notrackctl verify");
}
END_TEST

/*
 * Hosts that tests/kernel/test_wire.c came upon, as small as they get.  "%1$s" is a source,
 * "%2$s" this host.
 */
static const struct {
	const char *rules[RULES_MAX], *role;
} found[] = {
	/* the twin of what is RELATED asks for INVALID: its chain has to stay as long */
	{ { "-A INPUT -m conntrack --ctstate NEW,RELATED,ESTABLISHED -j DROP" }, "inbound" },
	/* a service's ports are in two twins, which leave nothing over */
	{ { "-A OUTPUT -m state ! --state INVALID,NEW -j ACCEPT", "-A OUTPUT -d %2$s -j REJECT" }, "both" },
	/* over lo, nobody asks an address that is elsewhere */
	{ { "-A OUTPUT -m state ! --state INVALID,NEW -j ACCEPT", "-A OUTPUT -d %1$s -j REJECT" }, "both" },
	/* whether an error would have seen a reply, nobody knows, nor would an answer be lost */
	{ { "-A INPUT -i veth0 -m conntrack --ctstate INVALID -j DROP",
	    "-A INPUT -m conntrack --ctstatus SEEN_REPLY -j ACCEPT" }, "both" },
};

START_TEST(what_was_refused_or_left_behind_once)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const size_t host = (size_t)_i / FAMILY_COUNT;
	char *before;

	netns_add_peer();
	for (size_t i = 0; i < RULES_MAX && found[host].rules[i]; i++)
		must("%s -w %s", family->tables, format_text(found[host].rules[i], family->other,
							     family->host));
	before = saved(family);

	must("notrackctl %s add dns --role %s", family->option, found[host].role);
	ck_assert_ptr_nonnull(strstr(must("notrackctl --json %s add dns --role %s", family->option,
					  found[host].role).out, "\"changed\": false"));

	must("notrackctl clear");
	assert_same_text(saved(family), before);
}
END_TEST

/* NOTRACK is in the legacy tables; in nftables stands nothing of ours but twins that jump. */
START_TEST(clear_takes_twins_out_of_the_other_world)
{
	static const char theirs[] =
		"table ip t {\n"
		" chain some { udp dport 53 accept; }\n"
		" chain in { type filter hook input priority 0; ct state new jump some; }\n"
		"}\n";
	char *before;

	must_as(&(struct how){ .input = theirs }, "nft -f -");
	before = must("nft -s list ruleset").out;

	must("notrackctl -4 --backend legacy add dns");
	ck_assert_ptr_nonnull(strstr(must("nft list ruleset").out, "NOTRACK-twin"));

	must("notrackctl clear");
	assert_same_text(must("nft -s list ruleset").out, before);
}
END_TEST

/* A set of sources says nothing of the others: a host that lets nobody in is opened for them. */
static const struct {
	const char *match;
	bool singled_out, others;
} sets[] = {
	{ "--match-set some src", false, true },
	{ "! --match-set some src", true, false },
};

START_TEST(who_is_in_a_set_is_banned_and_the_others_are_not)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const size_t set = (size_t)_i / FAMILY_COUNT;
	const struct host host = { .singled_out = sets[set].singled_out, .others = sets[set].others };

	netns_add_peer();
	must("ipset create some hash:net family %s", family->domain == AF_INET6 ? "inet6" : "inet");
	must("ipset add some %s", family->other);
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w " ESTABLISHED, family->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	if (family->domain == AF_INET6)
		must("%s -w -A INPUT -p ipv6-icmp -j ACCEPT", family->tables);
	must("%s -w -A INPUT -m set %s -j DROP", family->tables, sets[set].match);

	must("notrackctl %s add dns", family->option);
	answers_are(family, &host, "after add");
}
END_TEST

/* Who is named by one address is asked for in the set; a ban is nothing that is opened. */
static const struct {
	const char *ban;		/* "%1$s" is the one who is named, "%2$s" somebody else */
	int code;
} bans[] = {
	{ "-A INPUT -m set --match-set some src -j DROP", REFUSED },
	{ "-A INPUT -m set --match-set others src -j DROP", 0 },
	{ "-A INPUT -s %1$s -j DROP", REFUSED },
	{ "-A INPUT -s %2$s -j DROP", 0 },
};

START_TEST(who_is_named_and_banned_is_not_let_in)
{
	const struct family *family = &families[_i % FAMILIES_OF_BOTH_WORLDS];
	const size_t number = (size_t)_i / FAMILIES_OF_BOTH_WORLDS;
	const char *kind = family->domain == AF_INET6 ? "inet6" : "inet";
	const int code = bans[number].code;
	struct run added;

	netns_add_peer();
	must("ipset create some hash:net family %s", kind);
	must("ipset create others hash:net family %s", kind);
	must("ipset add some %s", family->other_prefix);
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w " ESTABLISHED, family->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	must("%s -w %s", family->tables, format_text(bans[number].ban, family->other, family->limited));
	must("%s -w -A INPUT -p udp --dport 53 -j ACCEPT", family->tables);
	ck_assert_int_eq(client_is_answered(family, family->other), !code);

	added = run("notrackctl %s add dns-auth --proto udp --from %s", family->option, family->other);
	ck_assert_msg(added.code == code && !strstr(added.err, "unsure"), "exit %d: %s", added.code,
		      added.err);
	ck_assert_msg(!code || strstr(added.err, "filter INPUT 3"), "%s", added.err);
	ck_assert_int_eq(client_is_answered(family, family->other), !code);
	if (!code)
		must("notrackctl %s verify", family->option);
}
END_TEST

/* Of a chain of both families, what it says of one leaves the other as it was. */
static const struct {
	const char *accept;
	bool other_family_served;
} inet_chains[] = {
	{ "ip saddr 192.0.2.0/24 udp dport 53 accept", false },
	{ "meta nfproto ipv4 udp dport 53 accept", false },
	{ "udp dport 5353 accept", true },
};

static void given_inet_chain(const char *accept)
{
	char *rules = format_text("table inet h {\n chain i {\n type filter hook input priority 0;\n"
				  " policy drop;\n iif lo accept\n meta l4proto ipv6-icmp accept\n"
				  " ct state established,related accept\n %s\n }\n}\n", accept);

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
}

START_TEST(who_names_ipv4_does_not_open_ipv6)
{
	const struct family *ipv6 = &families[1];

	given_inet_chain(inet_chains[_i].accept);
	ck_assert(!client_is_answered(ipv6, ipv6->other));

	must("notrackctl --backend nft add dns");
	ck_assert_int_eq(client_is_answered(ipv6, ipv6->other), inet_chains[_i].other_family_served);
	must("notrackctl verify");
}
END_TEST

/* It has nothing to ask there but of itself, and that the host lets in. */
START_TEST(who_is_named_of_one_family_may_ask)
{
	const struct family *family = &families[_i], *other = &families[!_i];

	given_inet_chain("tcp dport 22 accept");
	must("notrackctl --backend nft add dns --from %s", family->other_prefix);
	ck_assert(client_is_answered(family, family->other));
	ck_assert(!client_is_answered(family, family->limited));
	ck_assert(!client_is_answered(other, other->other));
	must("notrackctl verify");
}
END_TEST

/* Packets come there behind the base chain with the opening, however that is reached. */
START_TEST(bans_of_a_later_chain_are_not_ahead)
{
	const char *rules = "table inet h {\n set banned {\n type ipv4_addr\n elements = { 192.0.2.9 }\n }\n"
			    " chain bans {\n ip saddr @banned drop\n }\n"
			    " chain i {\n type filter hook input priority 0; policy drop\n"
			    " ct state established accept\n }\n"
			    " chain late {\n type filter hook input priority 10\n jump bans\n }\n}\n";
	struct run verified;

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	must("notrackctl --backend nft add dns");
	verified = must("notrackctl verify");
	ck_assert_msg(!strstr(verified.out, "rule-ahead"), "%s", verified.out);
	/* what is looked up is named, and what is done at the end is said */
	must("nft insert rule inet h late ct state new ip saddr @banned udp dport 53 drop");
	must("notrackctl --backend nft add dns");
	ck_assert_ptr_nonnull(strstr(must("notrackctl show --rules").out, "ip saddr @banned"));
}
END_TEST

static void given_answers_let_in(const struct family *family)
{
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -A INPUT -i lo -j ACCEPT", family->tables);
	must("%s -w -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", family->tables);
}

/* A rule that asks what nobody can tell of a packet is not answered by another one that does. */
START_TEST(what_two_rules_ask_that_we_do_not_know_are_two_things)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	given_answers_let_in(family);
	must("%s -w -A INPUT -m length --length 9000: -j DROP", family->tables);
	must("%s -w -A INPUT -p udp --dport 53 -m length --length 0:512 -j ACCEPT", family->tables);
	must("notrackctl %s --backend legacy add dns --proto udp --role inbound", family->option);
	ck_assert(client_is_answered(family, family->other));
	/* the host has said whom it lets in: no opening for longer ones */
	ck_assert_ptr_null(strstr(must("%s -w -S INPUT", family->tables).out, "NOTRACK-INPUT"));
}
END_TEST

/* A match that asks for an entry in a way of its own takes no packet without one. */
START_TEST(a_cluster_is_refused)
{
	const struct family *family = &families[_i];
	struct run added;

	netns_add_peer();
	given_answers_let_in(family);
	must("%s -w -A INPUT -p udp --dport 53 -m cluster --cluster-total-nodes 2 "
	     "--cluster-local-nodemask 3 --cluster-hash-seed 1 -j ACCEPT", family->tables);
	ck_assert(client_is_answered(family, family->other));
	added = run("notrackctl %s --backend legacy add dns --proto udp --role inbound", family->option);
	ck_assert_msg(added.code == REFUSED, "exit %d: %s", added.code, added.err);
	ck_assert(client_is_answered(family, family->other));
}
END_TEST

/*
 * A chain for what comes and what goes: ours there tell the two apart by which address is this
 * host's, and answers and segments come to no other, so that none is dropped.
 */
START_TEST(one_chain_of_states_serves_both_ways)
{
	const struct family *family = &families[_i];
	const char *tables = family->tables;

	netns_add_peer();
	must("%s -w -N known", tables);
	must("%s -w -A known -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT", tables);
	must("%s -w -A known -p tcp -m conntrack --ctstate NEW --dport 53 -j ACCEPT", tables);
	for (int output = 0; output < 2; output++) {
		const char *chain = output ? "OUTPUT" : "INPUT";

		must("%s -w -P %s DROP", tables, chain);
		must("%s -w -A %s -%c lo -j ACCEPT", tables, chain, output ? 'o' : 'i');
		must("%s -w -A %s -j known", tables, chain);
		must("%s -w -A %s -p udp --dport 53 -j ACCEPT", tables, chain);
	}
	must("notrackctl %s --backend legacy add dns", family->option);
	ck_assert(client_is_answered(family, family->other));
	ck_assert(tcp_exchange(family, (struct end){ PEER, family->other, 0 },
			       (struct end){ HOST, family->host, 53 }, 1));
	must("notrackctl verify");
}
END_TEST

/* Whom a service is for, and who is spoofed where such packets cannot come from, are two. */
START_TEST(a_rule_against_spoofing_forbids_nothing_elsewhere)
{
	const struct family *family = &families[_i];

	netns_add_peer();
	must("ip link add outside type veth peer name beyond");
	must("ip link set outside up");
	must("ip link set beyond up");
	given_answers_let_in(family);
	must("%s -w -A INPUT -i outside -s %s -j DROP", family->tables, family->other_prefix);
	ck_assert(!client_is_answered(family, family->other));
	must("notrackctl %s --backend legacy add dns-auth --from %s", family->option, family->other_prefix);
	ck_assert(client_is_answered(family, family->other));
	/* the opening goes past no ban */
	ck_assert_ptr_nonnull(strstr(strstr(must("%s -w -S INPUT", family->tables).out, "-i outside"),
				     "-j NOTRACK-INPUT"));
}
END_TEST

/* A host that serves nobody, and says so, may still ask: over lo it alone would be served. */
START_TEST(who_forbids_to_be_asked_may_ask)
{
	const struct family *family = &families[_i];
	struct run added;

	netns_add_peer();
	must("%s -w -A INPUT -p udp --dport 53 -j DROP", family->tables);
	must("%s -w -A INPUT -p tcp --dport 53 -j REJECT", family->tables);
	must("notrackctl %s add dns --role outbound", family->option);
	ck_assert(!client_is_answered(family, family->other));	/* asks itself, and is answered */
	added = run("notrackctl %s add dns", family->option);
	ck_assert_msg(added.code == REFUSED && strstr(added.err, "filter INPUT 1"), "%s", added.err);
}
END_TEST

/* What a router does to what it forwards as that leaves, whichever way it came. */
static const struct {
	const char *rule;
	bool refused;
} left_as_ours[] = {
	{ "iifname \"veth0\" masquerade", true },
	{ "iifname \"veth0\" oifname != \"lo\" masquerade", true },
	{ "iif \"veth0\" ct state new masquerade", true },
	{ "iifname { \"veth0\", \"veth7\" } oifname \"veth0\" masquerade", true },
	{ "iifname \"veth*\" masquerade", true },
	{ "iifname . oifname { \"veth0\" . \"veth0\" } masquerade", true },
	{ "meta mark 0 iifname \"veth0\" masquerade", true },
	/* no answer that would be taken for one to us, and no packet of another */
	{ "iifname \"lo\" masquerade", false },
	{ "iifname \"veth0\" meta l4proto icmp masquerade", false },
	{ "iifname \"veth0\" tcp dport 80 masquerade", false },
};

START_TEST(what_leaves_for_others_with_our_address_is_refused)
{
	char *rules = format_text("table ip n {\n chain p {\n type nat hook postrouting priority "
				  "srcnat\n %s\n }\n}\n", left_as_ours[_i].rule);
	struct run added;

	netns_add_peer();
	must("sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'");
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	added = run("notrackctl --backend nft add dns");
	ck_assert_msg(added.code == left_as_ours[_i].refused, "%s: exit %d", left_as_ours[_i].rule, added.code);
	if (left_as_ours[_i].refused)
		ck_assert_msg(strstr(added.err, "ip n p 1"), "%s", added.err);
	must("notrackctl --backend nft add dns --role inbound");
}
END_TEST

/* Native rules that lead on by what nobody can tell of a packet; "%1$s" is banned. */
static const struct {
	const char *declared, *rules;
	const char *refused;		/* the rule; NULL: it is not */
} leading[] = {
	{ "chain svc {\n ct state new ip saddr %1$s drop\n ct state new accept\n }\n",
	  "meta l4proto . th dport vmap { udp . 50-53 : goto svc }", NULL },
	{ "chain svc {\n ct state new ip saddr %1$s drop\n ct state new accept\n }\n",
	  "ip dscp vmap { cs0 : goto svc }", NULL },
	{ "chain bans {\n ct state new ip saddr %1$s drop\n }\n map m {\n type inet_service : verdict\n"
	  " counter\n elements = { 53 : jump bans }\n }\n",
	  "udp dport vmap @m\n udp dport 53 accept", NULL },
	{ "", "ct state new ip saddr %1$s drop\n"
	  "ct state . meta l4proto . th dport { new . udp . 50-53 } accept", NULL },
	{ "set seen {\n type ipv4_addr\n flags dynamic\n size 65535\n }\n",
	  "ct state new ip saddr %1$s drop\n"
	  "ct state new udp dport 53 add @seen { ip saddr limit rate over 100/second } drop\n"
	  "ct state new udp dport 53 accept", NULL },
	/* past what takes the untracked, a map of the rule's own leads to copies */
	{ "chain bans {\n ct state new ip saddr %1$s drop\n }\n",
	  "ct state established,related,untracked accept\n ip dscp vmap { cs0 : jump bans, cs5 : drop }\n"
	  "udp dport 53 ct state new accept", NULL },
	{ "chain svc {\n ip saddr %1$s return\n ct state new accept\n }\n chain none {\n }\n",
	  "ct state established,related,untracked accept\n"
	  "meta l4proto vmap { tcp : goto none, 17 : goto svc }", NULL },
	{ "chain svc {\n ip saddr %1$s return\n udp dport 53 ct state new accept\n }\n chain web {\n "
	  "ct state . ip dscp vmap { new . cs0 : accept }\n }\n",
	  "ct state established,related,untracked accept\n"
	  "meta l4proto . th dport vmap { tcp . 80 : jump web, udp . 50-60 : jump svc }", NULL },
	{ "chain bans {\n ct state new ip saddr %1$s drop\n }\n",
	  "ct state established,related,untracked accept\n fib daddr type vmap { local : jump bans, "
	  "broadcast : drop, multicast : drop }\n udp dport 53 ct state new accept", NULL },
	{ "", "ct state established,related,untracked accept\n"
	  "udp dport vmap { 53 : continue, 54 : drop }\n ip saddr %1$s drop\n udp dport vmap { 53 : accept }", NULL },
	/* in a copy of the rest of a chain, its map is looked up once */
	{ "", "ct state invalid,untracked drop\n meta mark set ip saddr map { %1$s : 1, 10.0.0.0/8 : 2 }\n"
	  "meta mark 1 drop\n udp dport 53 ct state new accept", NULL },
	/* no rule says that of packets without a state */
	{ "", "ip saddr %1$s drop\n ct state . ip dscp vmap { new . cs0 : accept }", "i 4" },
	{ "", "ip saddr %1$s drop\n meta mark set ct state map { new : 1, established : 2 }\n"
	  "meta mark 1 udp dport 53 accept", "i 4" },
	/* what a chain of ours would drop is told by the rule whose twin leads there */
	{ "", "ct state new ip saddr 10.9.8.7 counter drop\n ip saddr %1$s drop\n"
	  "ct state new ct expiration > 0 accept\n ct state new ip saddr 10.9.8.6 counter drop\n"
	  "ct state new udp dport 53 accept", "i 6" },
	/* the number is that of the host as it stands, whatever would stand ahead of the rule */
	{ "", "ip saddr %1$s drop\n ct state new udp dport 53 counter\n"
	  "ct state new ct packets > 5 drop\n udp dport 53 accept", "i 5" },
};

START_TEST(who_is_led_by_any_key_fares_as_before)
{
	const struct family *family = &families[0];
	const struct host host = { .singled_out = false, .others = true };
	char *rules = format_text("table inet h {\n%s chain i {\n type filter hook input priority 0;\n"
				  " policy drop;\n iif lo accept\n ct state established,related accept\n"
				  " %s\n }\n}\n", leading[_i].declared, leading[_i].rules), *before;
	struct run added;

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = format_text(rules, family->other) }, "nft -f -");
	before = must("nft -s -t list ruleset").out;
	answers_are(family, &host, "before");

	added = run("notrackctl -4 add dns --proto udp");
	ck_assert_msg(added.code == (leading[_i].refused ? REFUSED : 0), "exit %d: %s", added.code,
		      added.err);
	ck_assert_msg(!added.code || strstr(added.err, leading[_i].refused), "%s", added.err);
	answers_are(family, &host, "after add");
	if (!added.code)
		ck_assert_ptr_nonnull(strstr(must("notrackctl -4 --json add dns --proto udp").out,
					     "\"changed\": false"));
	must("notrackctl clear");
	assert_same_text(must("nft -s -t list ruleset").out, before);
}
END_TEST

/* A copy of a map refers to none of the host's chains, which its owner goes on to delete. */
START_TEST(what_a_map_led_to_can_be_deleted)
{
	const char *rules = "table inet h {\n chain c {\n ip saddr 203.0.113.9 drop\n "
			    "ct state new udp dport 53 accept\n }\n chain i {\n"
			    " type filter hook input priority 0; policy drop;\n"
			    " ct state established,related,untracked accept\n"
			    " ip dscp vmap { cs0 : jump c, cs5 : goto c }\n }\n}\n";

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	must("notrackctl -4 add dns --proto udp");
	ck_assert_ptr_nonnull(strstr(must("nft list ruleset").out, "cs0 : jump NOTRACK-rest-"));
	must("nft flush chain inet h i");
	must("nft flush chain inet h c");
	must("nft delete chain inet h c");
}
END_TEST

/*
 * No packet comes to a chain that nothing leads to, be there a map or not; made for that first, the
 * chain of ours that accepts answers would have been for nobody.
 */
START_TEST(a_chain_that_nothing_leads_to_is_no_concern)
{
	const struct family *family = &families[0];
	const char *rules = "table inet h {\n chain never {\n ct state established,related accept\n }\n"
			    " chain c {\n ip daddr 203.0.113.9 drop\n }\n chain i {\n"
			    " type filter hook input priority 0; policy drop;\n iif lo accept\n"
			    " ct state established,related accept\n }\n chain o {\n"
			    " type filter hook output priority 0; policy accept;\n"
			    " ip dscp vmap { cs0 : jump c, cs5 : drop }\n }\n}\n";
	struct end server = { PEER, family->peer, 53 }, client = { HOST, family->host, 0 };

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	ck_assert(udp_passes(family, client, server, 1));
	must("notrackctl -4 add dns --proto udp");
	ck_assert(udp_passes(family, client, server, 1));
	must("notrackctl verify");
}
END_TEST

/* As in tables of one family: who lets in all that asks over UDP has forgotten TCP. */
START_TEST(what_is_named_for_both_families_opens_the_other_protocol)
{
	const struct family *family = &families[_i];

	given_inet_chain("udp dport 53 accept");
	must("notrackctl --backend nft add dns");
	ck_assert(client_is_answered(family, family->other));
	ck_assert(tcp_exchange(family, (struct end){ PEER, family->other, 0 },
			       (struct end){ HOST, family->host, 53 }, 1));
	must("notrackctl verify");
}
END_TEST

/* What somebody puts behind an opening does nothing: told, and put right by the next change. */
static const struct {
	const char *rule;
	bool told;
} appended[] = {
	{ "-A INPUT -s %1$s -j DROP", true },
	{ "-A INPUT -s %1$s -p tcp --dport 22 -j DROP", false },
	{ "-I INPUT -s %1$s -j DROP", false },
};

START_TEST(a_ban_behind_an_opening_is_told)
{
	const struct family *family = &families[_i % FAMILY_COUNT];
	const size_t number = (size_t)_i / FAMILY_COUNT;
	const bool told = appended[number].told, banned = number != 1;
	char *said;

	netns_add_peer();
	must("notrackctl %s --backend legacy add dns", family->option);
	must("%s -w %s", family->tables, format_text(appended[number].rule, family->other));
	said = must("notrackctl verify").out;
	ck_assert_msg(told == (strstr(said, "shadowed") && strstr(said, "filter INPUT 2")), "%s", said);
	ck_assert_int_eq(client_is_answered(family, family->other), told || !banned);

	must("notrackctl %s --backend legacy add dns", family->option);
	said = must("notrackctl verify").out;
	ck_assert_msg(!strstr(said, "shadowed"), "%s", said);
	ck_assert_int_eq(client_is_answered(family, family->other), !banned);
	ck_assert(client_is_answered(family, family->limited));
}
END_TEST

/* However many are banned, each by a rule that asks for a state, it is known how they fare. */
START_TEST(hundreds_of_bans_are_followed)
{
	const struct family *family = &families[_i];
	const char *separator = family->domain == AF_INET6 ? "2001:db8:77::" : "198.51.100.";
	char *rules = format_text("%s", "*filter\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n");

	netns_add_peer();
	for (unsigned int i = 1; i <= 250; i++)
		rules = format_text("%s-A INPUT -s %s%u -m conntrack --ctstate NEW -j DROP\n", rules,
				    separator, i);
	rules = format_text("%s-A INPUT -s %s -m conntrack --ctstate NEW -j DROP\n"
			    "-A INPUT -p udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT\n"
			    "-A INPUT -p udp -j DROP\nCOMMIT\n", rules, family->other);
	must_as(&(struct how){ .where = HOST, .input = rules }, "%s-restore", family->tables);

	ck_assert_ptr_null(strstr(must("notrackctl %s add dns", family->option).err, "unsure"));
	ck_assert(!client_is_answered(family, family->other));
	ck_assert(client_is_answered(family, family->limited));
}
END_TEST

/* What only conntrack knows, no untracked packet meets; what the packet has, it does. */
static const struct {
	const char *rule;
	int code;
} asked[] = {
	{ "ct protocol udp accept", REFUSED }, { "ct protocol { udp, tcp } accept", REFUSED },
	{ "ct packets > 0 accept", REFUSED }, { "meta l4proto { udp, tcp } accept", 0 },
};

START_TEST(what_conntrack_alone_knows_lets_nobody_in_any_more)
{
	char *rules = format_text("table ip h {\n chain i {\n type filter hook input priority 10;\n"
				  " policy drop;\n iif lo accept\n %s\n }\n}\n", asked[_i].rule);

	netns_add_peer();
	must_as(&(struct how){ .where = HOST, .input = rules }, "nft -f -");
	ck_assert_int_eq(run("notrackctl -4 --backend nft add dns").code, asked[_i].code);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, who_was_answered_is_answered_and_who_was_not_is_not, 0,
			    COUNT(hosts) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_is_opened_is_open_where_a_rule_takes_the_untracked, 0,
			    COUNT(untracked_is_taken) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_is_shut_is_opened_ahead_of_what_drops_all, 0,
			    COUNT(shut) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_is_excluded_is_none_of_ours, 0, FAMILIES_OF_BOTH_WORLDS);
	tcase_add_loop_test(tcase, what_a_rule_forbids_by_name_is_refused, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_limit_of_the_host_goes_on_limiting, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, from_names_who_may_ask, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_host_that_asks_nobody_serves, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, services_come_one_after_the_other, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_was_refused_or_left_behind_once, 0,
			    COUNT(found) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_conntrack_alone_knows_lets_nobody_in_any_more, 0,
			    COUNT(asked));
	tcase_add_loop_test(tcase, who_names_ipv4_does_not_open_ipv6, 0, COUNT(inet_chains));
	tcase_add_loop_test(tcase, who_is_named_of_one_family_may_ask, 0, FAMILY_COUNT);
	tcase_add_test(tcase, bans_of_a_later_chain_are_not_ahead);
	tcase_add_loop_test(tcase, what_two_rules_ask_that_we_do_not_know_are_two_things, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_cluster_is_refused, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, one_chain_of_states_serves_both_ways, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_against_spoofing_forbids_nothing_elsewhere, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_forbids_to_be_asked_may_ask, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_leaves_for_others_with_our_address_is_refused, 0,
			    COUNT(left_as_ours));
	tcase_add_loop_test(tcase, what_is_forbidden_later_is_not_opened_by_another_change, 0,
			    FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, a_rest_that_is_just_too_long_is_refused);
	tcase_add_test(tcase, a_large_map_that_nobody_can_tell_takes_no_time);
	tcase_add_loop_test(tcase, who_is_led_by_any_key_fares_as_before, 0, COUNT(leading));
	tcase_add_test(tcase, what_a_map_led_to_can_be_deleted);
	tcase_add_test(tcase, a_chain_that_nothing_leads_to_is_no_concern);
	tcase_add_loop_test(tcase, what_is_named_for_both_families_opens_the_other_protocol, 0,
			    FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_ban_behind_an_opening_is_told, 0, COUNT(appended) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, hundreds_of_bans_are_followed, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_is_in_a_set_is_banned_and_the_others_are_not, 0,
			    COUNT(sets) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, who_is_named_and_banned_is_not_let_in, 0,
			    COUNT(bans) * FAMILIES_OF_BOTH_WORLDS);
	tcase_add_test(tcase, clear_takes_twins_out_of_the_other_world);
}

int main(void)
{
	return netns_main("parity", tests);
}
