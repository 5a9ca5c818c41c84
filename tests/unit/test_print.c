/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules as iptables-save has them, to the letter. */
#include "legacy/print.h"
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct prefix parsed(const char *word)
{
	struct prefix prefix = { .length = 0 };
	struct error error;

	ck_assert_msg(!word || !prefix_parse(&prefix, word, &error), "%s", error.text);
	return prefix;
}

static const struct limit_rate ten_a_second = {
	.period = 100000, .burst = 20, .srcmask = 32, .htable_expire_ms = 2000,
}, everything = {
	.period = 3600000000, .burst = 1, .srcmask = 24, .htable_max = 7, .htable_size = 8,
	.htable_expire_ms = 3600001,
}, usual6 = {
	.period = 1000000, .burst = 5, .srcmask = 64, .htable_expire_ms = 5000,
}, as_iptables = {
	.period = 1000000, .burst = 5, .srcmask = 32, .htable_expire_ms = 1000,
};

#define NOTHING { .protocol = 0 }
#define ONE(port) { .count = 1, .range = { { port, port } } }
#define RANGE(one, other) { .count = 1, .range = { { one, other } } }
#define TWO { .count = 2, .range = { { 53, 53 }, { 8000, 8080 } } }

static const struct {
	enum family family;
	const char *source, *destination;
	struct match match;
	enum target target;
	const char *chain;
	const char *line;
} rules[] = {
	{ IPV4, NULL, NULL, NOTHING, TARGET_ACCEPT, NULL, "-j ACCEPT" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_DROP, NULL, "-j DROP" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_RETURN, NULL, "-j RETURN" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_NOTRACK, NULL, "-j NOTRACK" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_JUMP, "NOTRACK-x-in", "-j NOTRACK-x-in" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_GOTO, "NOTRACK-x-n0", "-g NOTRACK-x-n0" },
	{ IPV4, "192.0.2.1", NULL, NOTHING, TARGET_NONE, NULL, "-s 192.0.2.1/32" },
	{ IPV4, "192.0.2.1", NULL, NOTHING, TARGET_RETURN, "NOTRACK-x-l0",
	  "-s 192.0.2.1/32 -j RETURN" },
	{ IPV4, "198.51.100.0/24", "192.0.2.1", NOTHING, TARGET_ACCEPT, NULL,
	  "-s 198.51.100.0/24 -d 192.0.2.1/32 -j ACCEPT" },
	{ IPV4, "0.0.0.0/0", "0.0.0.0/0", NOTHING, TARGET_ACCEPT, NULL, "-j ACCEPT" },
	{ IPV6, "2001:db8::1", "2001:db8::/32", NOTHING, TARGET_ACCEPT, NULL,
	  "-s 2001:db8::1/128 -d 2001:db8::/32 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .in = "eth0" }, TARGET_ACCEPT, NULL, "-i eth0 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .out = "eth+" }, TARGET_ACCEPT, NULL, "-o eth+ -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_UDP, .destination = ONE(53) }, TARGET_ACCEPT, NULL,
	  "-p udp -m udp --dport 53 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_UDP, .source = ONE(53),
	  .destination = RANGE(1024, 65535) }, TARGET_ACCEPT, NULL,
	  "-p udp -m udp --sport 53 --dport 1024:65535 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_TCP, .source = ONE(53), .syn = SYN_NOT },
	  TARGET_ACCEPT, NULL,
	  "-p tcp -m tcp --sport 53 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_TCP, .destination = ONE(53), .syn = SYN_ACK_NOT },
	  TARGET_GOTO, "NOTRACK-x-in",
	  "-p tcp -m tcp --dport 53 ! --tcp-flags FIN,SYN,RST,ACK SYN,ACK -g NOTRACK-x-in" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_TCP, .destination = ONE(53), .syn = SYN_ONLY },
	  TARGET_JUMP, "NOTRACK-x-lim",
	  "-p tcp -m tcp --dport 53 --tcp-flags FIN,SYN,RST,ACK SYN -j NOTRACK-x-lim" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_TCP, .destination = TWO }, TARGET_ACCEPT, NULL,
	  "-p tcp -m multiport --dports 53,8000:8080 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_TCP, .source = TWO, .syn = SYN_NOT }, TARGET_ACCEPT,
	  NULL, "-p tcp -m multiport --sports 53,8000:8080 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN "
	  "-j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_UDP, .source = TWO, .destination = RANGE(1024, 65535) },
	  TARGET_NOTRACK, NULL,
	  "-p udp -m multiport --sports 53,8000:8080 -m udp --dport 1024:65535 -j NOTRACK" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_UDPLITE, .source = ONE(53),
	  .destination = RANGE(1024, 65535) }, TARGET_ACCEPT, NULL,
	  "-p udplite -m multiport --sports 53 -m multiport --dports 1024:65535 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_SCTP, .destination = ONE(53), .sctp_init = true },
	  TARGET_JUMP, "NOTRACK-x-lim",
	  "-p sctp -m multiport --dports 53 -m sctp --chunk-types any INIT -j NOTRACK-x-lim" },
	{ IPV4, NULL, NULL, { .protocol = IPPROTO_ICMP, .icmp = true, .icmp_type = 3 }, TARGET_ACCEPT,
	  NULL, "-p icmp -m icmp --icmp-type 3 -j ACCEPT" },
	{ IPV6, NULL, NULL, { .protocol = IPPROTO_ICMPV6, .icmp = true, .icmp_type = 2 },
	  TARGET_ACCEPT, NULL, "-p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT" },
	{ IPV4, NULL, NULL, { .comment = "plain_word-1" }, TARGET_JUMP, "NOTRACK-x-in",
	  "-m comment --comment plain_word-1 -j NOTRACK-x-in" },
	{ IPV4, NULL, NULL, { .comment = "service x: ports = 53" }, TARGET_JUMP, "NOTRACK-x-in",
	  "-m comment --comment \"service x: ports = 53\" -j NOTRACK-x-in" },
	/* what others may have made of a rule of ours */
	{ IPV4, NULL, NULL, { .comment = "it's \"x\"" }, TARGET_RETURN, NULL,
	  "-m comment --comment \"it\\'s \\\"x\\\"\" -j RETURN" },
	{ IPV4, NULL, NULL, { .comment = "x\n+-4 filter \033[31m" }, TARGET_RETURN, NULL,
	  "-m comment --comment \"x\\x0a+-4 filter \\x1b[31m\" -j RETURN" },
	{ IPV4, NULL, NULL, { .in = "a\n-A", .out = "b c" }, TARGET_ACCEPT, NULL,
	  "-i \"a\\x0a-A\" -o \"b c\" -j ACCEPT" },
	{ IPV4, NULL, NULL, NOTHING, TARGET_JUMP, "NOTRACK-\nx", "-j \"NOTRACK-\\x0ax\"" },
	{ IPV4, NULL, NULL, { .above = &as_iptables, .table_name = "y\n" }, TARGET_DROP, NULL,
	  "-m hashlimit --hashlimit-above 1/sec --hashlimit-burst 5 --hashlimit-mode srcip "
	  "--hashlimit-name \"y\\x0a\" -j DROP" },
	{ IPV4, NULL, NULL, { .above = &ten_a_second, .table_name = "x-00000000",
	  .comment = "drop_overly_frequent_x" }, TARGET_DROP, NULL,
	  "-m hashlimit --hashlimit-above 10/sec --hashlimit-burst 20 --hashlimit-mode srcip "
	  "--hashlimit-name x-00000000 --hashlimit-htable-expire 2000 "
	  "-m comment --comment drop_overly_frequent_x -j DROP" },
	{ IPV4, NULL, NULL, { .above = &everything, .table_name = "y" }, TARGET_DROP, NULL,
	  "-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode srcip "
	  "--hashlimit-name y --hashlimit-htable-size 8 --hashlimit-htable-max 7 "
	  "--hashlimit-htable-expire 3600001 --hashlimit-srcmask 24 -j DROP" },
	{ IPV4, NULL, NULL, { .above = &as_iptables, .table_name = "y" }, TARGET_DROP, NULL,
	  "-m hashlimit --hashlimit-above 1/sec --hashlimit-burst 5 --hashlimit-mode srcip "
	  "--hashlimit-name y -j DROP" },
	{ IPV6, NULL, NULL, { .above = &usual6, .table_name = "y" }, TARGET_DROP, NULL,
	  "-m hashlimit --hashlimit-above 1/sec --hashlimit-burst 5 --hashlimit-mode srcip "
	  "--hashlimit-name y --hashlimit-htable-expire 5000 --hashlimit-srcmask 64 -j DROP" },
};

START_TEST(a_rule_prints_as_iptables_save_prints_it)
{
	struct match match = rules[_i].match;
	struct chain to = { 0 };
	const struct rule rule = {
		.source = parsed(rules[_i].source),
		.target = (uint8_t)rules[_i].target,
		.to = rules[_i].chain ? &to : NULL,
		.match = &match,
	};
	char *text = NULL, expected[512];
	size_t size;
	FILE *out = open_memstream(&text, &size);

	match.to = parsed(rules[_i].destination);
	if (rules[_i].chain)
		strcpy(to.name, rules[_i].chain);

	rule_print(&rule, "NOTRACK-y", rules[_i].family, out);
	fclose(out);
	snprintf(expected, sizeof(expected), "-A NOTRACK-y %s", rules[_i].line);
	ck_assert_str_eq(text, expected);
	free(text);
}
END_TEST

START_TEST(a_long_comment_is_several)
{
	char comment[600], *text = NULL;
	const struct match match = { .comment = comment };
	const struct rule rule = { .target = TARGET_ACCEPT, .match = &match };
	const char *at;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	comment[300] = ' ';
	rule_print(&rule, "NOTRACK-y", IPV4, out);
	fclose(out);
	at = text + strlen("-A NOTRACK-y -m comment --comment ");
	ck_assert_uint_eq(strspn(at, "x"), 255);
	at += 255 + strlen(" -m comment --comment ");
	ck_assert_int_eq(*at, '"');
	ck_assert_int_eq(at[256], '"');
	at += 257 + strlen(" -m comment --comment ");
	ck_assert_uint_eq(strspn(at, "x"), 89);
	ck_assert_str_eq(at + 89, " -j ACCEPT");
	free(text);
}
END_TEST

/* --- all of it -------------------------------------------------------- */

static const char resolver[] =
	"# IPv4: for iptables-legacy-restore --noflush\n"
	"*raw\n"
	":NOTRACK-OUTPUT - [0:0]\n"
	":NOTRACK-PREROUTING - [0:0]\n"
	":NOTRACK-dns-in - [0:0]\n"
	":NOTRACK-dns-out - [0:0]\n"
	"-I PREROUTING -j NOTRACK-PREROUTING\n"
	"-I OUTPUT -j NOTRACK-OUTPUT\n"
	"-A NOTRACK-OUTPUT -j NOTRACK-dns-out\n"
	"-A NOTRACK-PREROUTING -j NOTRACK-dns-in\n"
	"-A NOTRACK-dns-in -p udp -m udp --sport 53 -j NOTRACK\n"
	"-A NOTRACK-dns-out -p udp -m udp --dport 53 -j NOTRACK\n"
	"COMMIT\n"
	"*filter\n"
	":NOTRACK-INPUT - [0:0]\n"
	":NOTRACK-OUTPUT - [0:0]\n"
	":NOTRACK-dns-in - [0:0]\n"
	":NOTRACK-dns-out - [0:0]\n"
	"-A INPUT -j NOTRACK-INPUT\n"
	"-A OUTPUT -j NOTRACK-OUTPUT\n"
	"-A NOTRACK-INPUT -m comment --comment \"service dns: ports = 53; protocols = udp; "
	"roles = outbound; mode = classic\" -j NOTRACK-dns-in\n"
	"-A NOTRACK-INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT\n"
	"-A NOTRACK-INPUT -p icmp -m icmp --icmp-type 11 -j ACCEPT\n"
	"-A NOTRACK-INPUT -p icmp -m icmp --icmp-type 12 -j ACCEPT\n"
	"-A NOTRACK-OUTPUT -j NOTRACK-dns-out\n"
	"-A NOTRACK-dns-in -p udp -m udp --sport 53 -j ACCEPT\n"
	"-A NOTRACK-dns-out -p udp -m udp --dport 53 -j ACCEPT\n"
	"COMMIT\n";

START_TEST(a_model_prints_as_text_for_iptables_restore)
{
	const struct notrack_service dns = { .size = sizeof(dns), .name = "dns", .protocols = "udp",
					     .roles = "outbound", .mode = "classic" };
	struct notrack *nt = notrack_new();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(notrack_set_families(nt, NOTRACK_IPV4), 0);
	ck_assert_int_eq(notrack_add_service(nt, &dns), 0);
	ck_assert_int_eq(notrack_print_rules(nt, out), 0);
	fclose(out);
	ck_assert_str_eq(text, resolver);
	free(text);
	notrack_free(nt);
}
END_TEST

START_TEST(a_stream_that_takes_nothing_is_an_error)
{
	struct notrack *nt = notrack_new();
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	setbuf(full, NULL);
	ck_assert_int_eq(notrack_add_service(nt, &(struct notrack_service){
			.size = sizeof(struct notrack_service), .name = "dns" }), 0);
	ck_assert_int_lt(notrack_print_rules(nt, full), 0);
	ck_assert_str_ne(notrack_error(nt), "");
	fclose(full);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_rule_prints_as_iptables_save_prints_it, 0,
			    sizeof(rules) / sizeof(rules[0]));
	tcase_add_test(tcase, a_long_comment_is_several);
	tcase_add_test(tcase, a_model_prints_as_text_for_iptables_restore);
	tcase_add_test(tcase, a_stream_that_takes_nothing_is_an_error);
}

int main(void)
{
	return unit_main("print", tests);
}
