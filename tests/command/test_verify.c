/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verify: what it says of rules that need no packet to be told apart. Over nftables, the host's
 * are those of iptables-nft.
 */
#include <string.h>
#include <sys/socket.h>

#include "said.h"
#include "tables.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* With accepts in the host's filter: over nftables there are none but where it denies. */
static void given(const struct family *family, const char *service)
{
	if (suite_is_nft())
		firewall_deny(family);
	must("notrackctl add %s", service);
}

/* What leads to these says the same in both backends; the chain of a service is legacy's own. */
static const char *accepting_chain(void)
{
	return suite_is_nft() ? "NOTRACK-INPUT" : "NOTRACK-dns-in";
}

/* --- what nobody knows ------------------------------------------------ */

static const struct {
	const char *rules[4];
	const char *untracked, *verdict, *by;	/* of the inbound request */
	const char *of_nft[2];			/* where nftables untracks: in place of the rules */
} unsure[] = {
	{ { "-I INPUT -m length --length 1:60000 -j DROP" }, "yes", "unsure", "filter INPUT 1",
	  { NULL } },
	{ { "-I INPUT -m length --length 1 -j DROP" }, "yes", "unsure", "filter INPUT 1",
	  { NULL } },
	{ { "-I INPUT -m length --length 1 -j NFQUEUE" }, "yes", "unsure", "filter INPUT 1",
	  { NULL } },
	{ { "-N c", "-A c -j DROP", "-I INPUT -m length --length 1 -j c" }, "yes", "unsure",
	  "filter c 1", { NULL } },
	{ { "-P INPUT DROP", "-D INPUT -j NOTRACK-INPUT", "-A INPUT -m length --length 1: -j ACCEPT" },
	  "yes", "unsure", "filter INPUT 1", { NULL } },
	{ { "-t raw -I PREROUTING -m length --length 1 -j ACCEPT" }, "unsure", "accept", NULL,
	  { "insert rule inet libnotrack prerouting meta length 1 accept" } },
	{ { "-t raw -D PREROUTING 1", "-t raw -A PREROUTING -m length --length 1: -j NOTRACK" },
	  "unsure", "accept", NULL,
	  { "flush chain inet libnotrack prerouting",
	    "add rule inet libnotrack prerouting meta length 1-65535 notrack" } },
};

static void apply_unsure(const struct family *family, int number)
{
	const char *const *of_nft = unsure[number].of_nft, *const *rules = unsure[number].rules;

	if (suite_is_nft() && of_nft[0])
		for (int i = 0; i < COUNT(unsure[0].of_nft) && of_nft[i]; i++)
			must("nft %s", of_nft[i]);
	else
		for (int i = 0; i < COUNT(unsure[0].rules) && rules[i]; i++)
			must("%s %s", family->tables, rules[i]);
}

START_TEST(what_cannot_be_told_is_unsure)
{
	const struct family *family = suite_family(_i % FAMILY_COUNT);
	const char *severity;
	struct said said;
	json_t *row;

	given(family, "dns");
	_i /= FAMILY_COUNT;
	apply_unsure(family, _i);
	said = verify("");
	row = row_of(said, family, "udp", "inbound", "request");

	/* of the verdict, nobody could tell when it was tracked, either */
	severity = strcmp(unsure[_i].untracked, "yes") ? "error" : "warning";
	ck_assert_str_eq(text_of(row, "untracked"), unsure[_i].untracked);
	ck_assert_str_eq(text_of(row, "verdict"), unsure[_i].verdict);
	if (unsure[_i].by)
		ck_assert_str_eq(text_of(row, "by"), place_of(family, unsure[_i].by));
	assert_finds(said, "unsure", severity, "udp inbound request");
}
END_TEST

/* A host that lets its own programs ask, each by its user, is as healthy as it was. */
START_TEST(what_was_unsure_before_is_no_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	must("%s -w -P OUTPUT DROP", family->tables);
	must("%s -w -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT", family->tables);
	must("%s -w -A OUTPUT -p udp --dport 53 -m owner --uid-owner 0 -m conntrack --ctstate NEW -j ACCEPT",
	     family->tables);
	must("notrackctl %s add dns --proto udp --role outbound", family->option);
	said = verify(family->option);

	ck_assert(is_ok(said));
	assert_finds(said, "unsure", "warning", "udp outbound request");
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
	const struct family *family = suite_family(_i % FAMILY_COUNT);

	given(family, "dns");
	must("%s %s", family->tables, no_matter[_i / FAMILY_COUNT]);

	ck_assert(is_ok(verify("")));
}
END_TEST

/* --- rules for some --------------------------------------------------- */

START_TEST(a_rule_that_keeps_some_tracked_is_told)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	if (suite_is_nft())
		must("nft insert rule inet libnotrack output %s daddr %s accept",
		     family->domain == AF_INET6 ? "ip6" : "ip", family->other_prefix);
	else
		must("%s -t raw -I OUTPUT -d %s -j ACCEPT", family->tables, family->other_prefix);
	said = verify("");

	/* in a table of nobody's but ours, somebody edited it */
	ck_assert(is_ok(said));
	if (suite_is_nft())
		assert_finds(said, "drift", "warning", "1 rules of ours");
	else
		assert_finds(said, "rule-ahead", "warning", "raw OUTPUT 1");
}
END_TEST

/* Only what gets to the jump is opened, be other protocols let in or not. */
START_TEST(a_drop_ahead_of_the_opening_is_a_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	netns_add_peer();
	firewall_deny(family);
	must("notrackctl add dns --role inbound");
	must("%s -I INPUT -d %s -p udp -j DROP", family->tables, family->host);
	said = verify("");

	ck_assert(!is_ok(said));
	assert_finds(said, "rule-ahead", "error", place_of(family, "filter INPUT 1"));
	must("%s -D INPUT 1", family->tables);
	ck_assert(is_ok(verify("")));
}
END_TEST

/* Everybody but some: the usual packet is not of them. */
START_TEST(a_drop_of_all_but_some_is_a_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -I INPUT ! -s %s -p udp --dport 53 -j DROP", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row_of(said, family, "udp", "inbound", "request"), "verdict"), "drop");
}
END_TEST

START_TEST(a_rule_for_the_host_s_only_address_is_one_for_all)
{
	const struct family *family = suite_family(_i);

	netns_add_peer();
	given(family, "dns");
	must("%s -I INPUT -d %s -p udp -j DROP", family->tables, family->host);

	ck_assert(!is_ok(verify("")));
}
END_TEST

START_TEST(a_rule_outside_a_service_s_prefixes_is_none_of_its_business)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, format_text("dns --role outbound --remote %s --local %s", family->peer,
				  family->host));
	must("%s -I INPUT -s %s -j DROP", family->tables, family->other_prefix);
	must("%s -I INPUT -d %s -j DROP", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);
}
END_TEST

/* --- the host that asks itself ---------------------------------------- */

static const struct {
	const char *rule;
	const char *of_nft;		/* where nftables untracks: in its place */
	const char *code;
} against_itself[] = {
	{ "-I INPUT -i lo -p udp --sport 53 -j DROP", NULL, "dropped" },
	{ "-I OUTPUT -o lo -p udp --dport 53 -j DROP", NULL, "dropped" },
	{ "-t raw -I OUTPUT -o lo -p udp --dport 53 -j ACCEPT",
	  "insert rule inet libnotrack output oifname lo udp dport 53 accept", "tracked" },
};

START_TEST(a_host_that_cannot_ask_itself_is_told)
{
	const struct family *family = suite_family(_i % FAMILY_COUNT);
	const char *of_nft = against_itself[_i / FAMILY_COUNT].of_nft;
	struct said said;

	given(family, "dns-auth");
	if (suite_is_nft() && of_nft)
		must("nft %s", of_nft);
	else
		must("%s %s", family->tables, against_itself[_i / FAMILY_COUNT].rule);
	said = verify("");

	ck_assert(!is_ok(said));
	assert_finds(said, against_itself[_i / FAMILY_COUNT].code, "error", "over lo");
	ck_assert_ptr_null(json_object_get(row_of(said, family, "udp", "inbound", "request"),
					   "interface"));

	/* others do not come by lo, and the classic rules do not know of it */
	must("notrackctl add dns-auth --interface eth0");
	ck_assert(is_ok(verify("")));
	must("notrackctl add dns-auth --classic");
	ck_assert(is_ok(verify("")));
}
END_TEST

/* --- the whole -------------------------------------------------------- */

START_TEST(dns_behind_a_stateful_firewall_is_fine_as_soon_as_it_is_added)
{
	struct said said;

	for (int i = 0; i < FAMILY_COUNT; i++)
		firewall_install(suite_family(i));
	must("notrackctl add dns %s", _i ? "--classic" : "");
	must("notrackctl limit dns 198.51.100.0/24,192.0.2.7,2001:db8:1::/64,::/0 --above 1/hour");
	said = verify("");

	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "flows")), _i ? 16 : 16 + 8);
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);
	must("notrackctl verify");
}
END_TEST

/* Over nftables, a service is opened where the host denies when it is added. */
START_TEST(every_kind_of_service_is_fine_as_soon_as_it_is_added)
{
	for (int i = 0; suite_is_nft() && i < FAMILY_COUNT; i++)
		firewall_deny(suite_family(i));
	must("notrackctl add ntp");
	must("notrackctl add radius --interface eth+,veth0 --local 192.0.2.1,192.0.2.2");
	must("notrackctl add wide --role both --proto udp,tcp,sctp,udplite --ports 5,7:9,1000:60000,"
	     "61000,62000:65535 --remote 198.51.100.0/24,2001:db8:1::/48");
	for (int i = 0; i < FAMILY_COUNT; i++)
		firewall_deny(suite_family(i));
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
	ck_assert_str_eq(must(suite_is_nft() ? "nft list ruleset" : "iptables-legacy-save").out, "");
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

/* All that a service names is asked about, not the first alone. */
START_TEST(a_rule_against_one_of_several_is_a_failure)
{
	const struct family *family = suite_family(_i);

	given(family, "dns --role inbound --interface eth0,eth1");
	must("%s -I INPUT -i eth1 -j DROP", family->tables);
	ck_assert(!is_ok(verify("")));

	must("notrackctl add dns --role outbound --remote %s,%s", family->peer, family->other);
	ck_assert(is_ok(verify("")));
	must("%s -I INPUT -s %s -j DROP", family->tables, family->other);
	ck_assert(!is_ok(verify("")));
	must("%s -D INPUT -s %s -j DROP", family->tables, family->other);

	must("notrackctl add dns --role inbound --local %s,%s", family->host, family->other);
	ck_assert(is_ok(verify("")));
	if (suite_is_nft())
		must("nft insert rule inet libnotrack prerouting %s daddr %s accept",
		     family->domain == AF_INET6 ? "ip6" : "ip", family->other);
	else
		must("%s -t raw -I PREROUTING -d %s -j ACCEPT", family->tables, family->other);
	ck_assert(!is_ok(verify("")));
}
END_TEST

/* It has no outbound flows in the other. */
START_TEST(remotes_of_one_family_are_fine)
{
	given(suite_family(_i), format_text("dns --remote %s", suite_family(_i)->peer));

	ck_assert(is_ok(verify("")));
}
END_TEST

START_TEST(one_service_is_verified_and_not_the_others)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("notrackctl add https");
	must("%s -I INPUT -p tcp --dport 443 -j DROP", family->tables);

	ck_assert(!is_ok(verify("")));
	ck_assert(!is_ok(verify("https")));
	said = verify("dns");
	ck_assert(is_ok(said));
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "flows")), 16 + 8);
	ck_assert_int_eq(run("notrackctl verify https %s", suite_family(!_i)->option).code, 0);
}
END_TEST

/* What a firewall script begins with, by one who knows of filter only. */
START_TEST(a_flushed_filter_is_seen_by_what_raw_still_does)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -F", family->tables);
	must("%s -X", family->tables);
	said = verify("");

	ck_assert(!is_ok(said));
	assert_finds(said, "drift", "error", suite_is_nft() ? "rules of ours are not what" : "dns");
}
END_TEST

START_TEST(an_edited_chain_is_drift)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -A %s -p udp --dport 5353 -j ACCEPT", family->tables, accepting_chain());
	said = verify("");
	ck_assert(is_ok(said));
	assert_finds(said, "drift", "warning", "1 rules");

	must("%s -I %s -p udp -j DROP", family->tables, accepting_chain());
	said = verify("");
	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row_of(said, family, "udp", "inbound", "request"), "by"),
			 place_of(family, format_text("filter %s 1", accepting_chain())));
}
END_TEST

static const struct {
	const char *given, *damage, *drops, *table;
} jumps[] = {
	{ "iptables-nft -A INPUT -i lo -p icmp -j ACCEPT", "iptables-nft -D INPUT -j NOTRACK-INPUT",
	  "iptables-nft -P INPUT DROP", "table ip filter (IPv4): no rule leads to NOTRACK-INPUT" },
	{ "nft 'table inet own { chain input { type filter hook input priority 0; policy drop; }; }'",
	  "nft flush chain inet own input",
	  "nft 'add chain inet own input { policy drop; }'",
	  "table inet own (IPv4): no rule leads to NOTRACK-INPUT" },
};

/* In tables of nftables as in the legacy ones. */
START_TEST(a_jump_that_somebody_deleted_is_missed_in_nftables)
{
	struct said said;

	must("%s", jumps[_i].given);
	must("%s", jumps[_i].drops);
	must("notrackctl -4 --backend nft add dns --role inbound");
	ck_assert(!finds(verify(""), "jump-missing", "error", ""));
	must("%s", jumps[_i].damage);

	said = verify("");
	ck_assert(!is_ok(said));
	assert_finds(said, "jump-missing", "error", jumps[_i].table);
	must("notrackctl -4 add ntp");
	ck_assert(is_ok(verify("")));
}
END_TEST

START_TEST(a_rule_behind_our_jump_is_not_ahead_of_it)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -D %s 1", family->tables, accepting_chain());
	must("%s -A INPUT -p udp -j DROP", family->tables);
	said = verify("");

	assert_finds(said, "dropped", "error", "add or apply");
	ck_assert(!finds(said, "rule-ahead", "error", "INPUT"));
}
END_TEST

START_TEST(nat_that_takes_the_service_away_is_a_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -t nat -A PREROUTING -p udp --dport 54 -j REDIRECT --to-ports 5353", family->tables);
	said = verify("");
	ck_assert_uint_eq(json_array_size(json_object_get(said.json, "findings")), 0);

	must("%s -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353", family->tables);
	said = verify("");
	ck_assert(!is_ok(said));
	assert_finds(said, "nat", "error", place_of(family, "nat PREROUTING 2"));
}
END_TEST

/*
 * Some of those who ask are sent to another server, and would no longer be; what only gets
 * another source, as a guest does, gets where it wants to.
 */
START_TEST(nat_of_some_packets_is_told)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "dns");
	must("%s -t nat -A PREROUTING -s %s -p udp --dport 53 -j REDIRECT --to-ports 5353",
	     family->tables, family->other_prefix);
	must("%s -t nat -A POSTROUTING -s %s -j MASQUERADE", family->tables, family->other_prefix);
	said = verify("");

	ck_assert(!is_ok(said));
	assert_finds(said, "nat", "error", place_of(family, "nat PREROUTING 1"));
	assert_finds(said, "nat", "warning", place_of(family, "nat POSTROUTING 1"));
}
END_TEST

/* Its answers would leave from a port that nobody asked. */
START_TEST(a_service_that_another_port_is_sent_to_is_a_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "alt --ports 5353 --role inbound --proto udp");
	must("%s -t nat -A PREROUTING -p tcp --dport 53 -j REDIRECT --to-ports 5353", family->tables);
	must("%s -t nat -A PREROUTING -p udp --dport 54 -j REDIRECT --to-ports 5352", family->tables);
	ck_assert(is_ok(verify("")));

	must("%s -t nat -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5350-5360",
	     family->tables);
	said = verify("");
	ck_assert(!is_ok(said));
	assert_finds(said, "nat", "error", place_of(family, "nat PREROUTING 3"));
}
END_TEST

START_TEST(a_service_behind_synproxy_is_a_failure)
{
	const struct family *family = suite_family(_i);
	struct said said;

	given(family, "http");
	must("%s -A INPUT -p tcp --dport 81 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY "
	     "--sack-perm --timestamp --wscale 7 --mss 1460", family->tables);
	ck_assert(is_ok(verify("")));

	must("%s -A INPUT -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY "
	     "--sack-perm --timestamp --wscale 7 --mss 1460", family->tables);
	said = verify("");
	ck_assert(!is_ok(said));
	assert_finds(said, "synproxy", "error", place_of(family, "filter INPUT 3"));
}
END_TEST

/* Each of them on a healthy host: reverse path, marks of others, types of addresses, rates. */
static const char *const harmless[] = {
	"-t raw -I PREROUTING -m rpfilter --invert -j DROP",
	"-I INPUT -m mark --mark 0x8000/0x8000 -j DROP",
	"-I INPUT ! -i lo -m addrtype --src-type LOCAL -j DROP",
	"-I INPUT -m addrtype ! --dst-type LOCAL,BROADCAST,MULTICAST -j DROP",
	"-I INPUT -m pkttype --pkt-type multicast -j DROP",
	"-t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP",
	"-t mangle -A PREROUTING -m conntrack --ctstate NEW -m connmark --mark 7 -j DROP",
	"-t security -A INPUT -m conntrack --ctstate NEW -j DROP",
	"-I INPUT -m connlimit --connlimit-above 5 -j DROP",
	"-I INPUT -m recent --update --seconds 60 --hitcount 5 --name ssh -j DROP",
	"-I INPUT -m iprange --src-range 192.0.2.66-192.0.2.99 -j DROP",
	"-I INPUT -m mac --mac-source 02:00:00:00:00:09 -j DROP",
	"-I INPUT -m conntrack --ctdir REPLY -j DROP",
	"-I INPUT -m helper --helper ftp -j DROP",
};

START_TEST(rules_of_a_healthy_host_do_no_harm)
{
	const struct family *family = suite_family(0);
	const char *rule = harmless[_i];

	given(family, "dns");
	must("%s %s", family->tables, rule);
	ck_assert_msg(is_ok(verify("")), "%s", rule);
}
END_TEST

/*
 * The same with what an untracked, usual packet meets. A rule that lets some in has said whom,
 * where all else is as it should be: over nftables it is, as the host denied before.
 */
static const struct {
	const char *rule, *by;
	const char *code_of_nft;
} harmful[] = {
	{ "-t raw -I PREROUTING -m rpfilter -j DROP", "raw PREROUTING 1", "dropped" },
	{ "-I INPUT -m mark ! --mark 0x8000/0x8000 -j DROP", "filter INPUT 1", "dropped" },
	{ "-I INPUT -i lo -m addrtype --src-type UNICAST -j ACCEPT", NULL, NULL },
	{ "-I INPUT -m addrtype --dst-type LOCAL -j DROP", "filter INPUT 1", "dropped" },
	{ "-t mangle -A PREROUTING -m conntrack ! --ctstate NEW,ESTABLISHED -j DROP",
	  "mangle PREROUTING 1", "dropped" },
	{ "-t mangle -A INPUT -j DROP", "mangle INPUT 1", "dropped" },
	{ "-t security -A INPUT -m conntrack --ctstate UNTRACKED -j DROP", "security INPUT 1",
	  "dropped" },
	{ "-I INPUT -m connlimit --connlimit-upto 5 -j DROP", "filter INPUT 1", "dropped" },
	{ "-I INPUT -m recent --set --name ssh -j DROP", "filter INPUT 1", "dropped" },
	{ "-I INPUT -m iprange ! --src-range 192.0.2.66-192.0.2.99 -j DROP", "filter INPUT 1",
	  "rule-ahead" },
	{ "-I INPUT -m limit --limit 5/sec -j DROP", "filter INPUT 1", "dropped" },
};

START_TEST(rules_that_the_usual_packet_meets_do)
{
	const struct family *family = suite_family(0);
	struct said said;
	json_t *row;

	given(family, "dns");
	must("%s %s", family->tables, harmful[_i].rule);
	said = verify("");
	row = row_of(said, family, "udp", "inbound", "request");
	if (!harmful[_i].by) {
		ck_assert(is_ok(said));
		return;
	}
	ck_assert(!is_ok(said));
	ck_assert_str_eq(text_of(row, "verdict"), "drop");
	ck_assert_str_eq(text_of(row, "by"), place_of(family, harmful[_i].by));
	assert_finds(said, suite_is_nft() ? harmful[_i].code_of_nft : "dropped", "error",
		     place_of(family, harmful[_i].by));
}
END_TEST

START_TEST(the_table_has_the_columns_that_were_asked_for)
{
	const struct family *family = suite_family(0);
	struct run done;

	given(family, "dot");
	must("%s -I INPUT -p tcp -j DROP", family->tables);
	done = run("notrackctl verify -4 -o SERVICE,PACKET,VERDICT,BY --raw --noheadings");

	ck_assert_int_eq(done.code, 1);
	ck_assert_str_eq(done.out, suite_is_nft() ?
			 "dot request drop ip\\x20filter\\x20INPUT\\x201\n"
			 "dot reply accept ip\\x20filter\\x20NOTRACK-OUTPUT\\x202\n"
			 "dot request drop ip\\x20filter\\x20INPUT\\x201\n"
			 "dot reply drop ip\\x20filter\\x20INPUT\\x201\n" :
			 "dot request drop filter\\x20INPUT\\x201\n"
			 "dot reply accept filter\\x20NOTRACK-dot-out\\x202\n"
			 "dot request drop filter\\x20INPUT\\x201\n"
			 "dot reply drop filter\\x20INPUT\\x201\n");
	ck_assert_ptr_nonnull(strstr(done.err, "dropped"));
	done = run("notrackctl verify -4");
	ck_assert_ptr_nonnull(strstr(done.out, place_of(family, "filter INPUT 1")));
	ck_assert_ptr_nonnull(strstr(done.out, "rule-ahead"));
}
END_TEST

/* The legacy tables have its twins, and raw there has nothing that a jump could be missing to. */
START_TEST(no_jump_is_missed_in_raw_where_nftables_untracks)
{
	struct run told;

	must("iptables-legacy -P INPUT DROP");
	must("iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT");
	must("notrackctl --backend nft -4 add dns --force");
	told = must("notrackctl verify");

	ck_assert_ptr_nonnull(strstr(must("iptables-legacy -S").out, "NOTRACK-INPUT"));
	ck_assert_msg(!strstr(told.out, "jump-missing"), "%s", told.out);
}
END_TEST

/* Rules that were made before it forwarded take what is for others as well. */
START_TEST(a_host_that_forwards_by_now_is_a_failure)
{
	struct run done;

	netns_add_peer();
	must("notrackctl add dns");
	must("notrackctl verify");
	must("sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'");
	done = run("notrackctl verify");
	ck_assert_msg(done.code == 1 && strstr(done.out, "forwarded"), "exit %d: %s", done.code, done.out);
	must("notrackctl add dns");
	must("notrackctl verify");
}
END_TEST

/* A host that lets only some ask has said whom; these were let in, and are not any more. */
START_TEST(what_fares_worse_than_it_did_is_a_failure)
{
	struct run done;

	netns_add_peer();
	must_as(&(struct how){ .input = "table inet f {\nchain i {\ntype filter hook input priority 0; "
		"policy drop;\nct state established,related accept\niif lo accept\n"
		"meta l4proto udp ct state new accept\n}\n}\n" }, "nft -f -");
	ck_assert_int_eq(run("notrackctl -4 add ntp --role inbound --twins none").code, 1);
	must("notrackctl -4 add ntp --role inbound --twins none --force");
	done = run("notrackctl verify");
	ck_assert_msg(done.code == 1 && strstr(done.out, "dropped"), "exit %d: %s", done.code, done.out);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, what_fares_worse_than_it_did_is_a_failure);
	tcase_add_test(tcase, a_host_that_forwards_by_now_is_a_failure);
	tcase_add_loop_test(tcase, a_host_that_cannot_ask_itself_is_told, 0,
			    COUNT(against_itself) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_against_one_of_several_is_a_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, remotes_of_one_family_are_fine, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_was_unsure_before_is_no_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, what_cannot_be_told_is_unsure, 0, COUNT(unsure) * FAMILY_COUNT);
	tcase_add_loop_test(tcase,
			    a_match_that_is_not_known_does_no_harm_where_both_ways_end_the_same, 0,
			    COUNT(no_matter) * FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_rule_that_keeps_some_tracked_is_told, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_drop_ahead_of_the_opening_is_a_failure, 0, FAMILY_COUNT);
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
	tcase_add_loop_test(tcase, nat_that_takes_the_service_away_is_a_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, nat_of_some_packets_is_told, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_service_that_another_port_is_sent_to_is_a_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, a_service_behind_synproxy_is_a_failure, 0, FAMILY_COUNT);
	tcase_add_loop_test(tcase, rules_of_a_healthy_host_do_no_harm, 0, COUNT(harmless));
	tcase_add_loop_test(tcase, rules_that_the_usual_packet_meets_do, 0, COUNT(harmful));
	tcase_add_test(tcase, the_table_has_the_columns_that_were_asked_for);
	if (suite_is_nft())
		return;
	/* these name the backend themselves */
	tcase_add_test(tcase, no_jump_is_missed_in_raw_where_nftables_untracks);
	tcase_add_loop_test(tcase, a_jump_that_somebody_deleted_is_missed_in_nftables, 0, 2);
}

int main(void)
{
	return netns_main("verify", tests);
}
